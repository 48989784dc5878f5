#pragma once

#include <lapidary/core/wide.hpp>
#include <lapidary/train/plan.hpp>
#include <lapidary/train/plan_ranks.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

/// Bytes that an element of each kind takes.
struct ElementBytes {
    double weight, remainder, gradient, moment;

    /// Of weights of type T. Remainders make exact floats of narrower weights.
    template <class T>
    static ElementBytes of() {
        const double wide = sizeof(lapidary::Wide<T>);
        return {sizeof(T), sizeof(T) < wide ? sizeof(std::int16_t) : 0.0, wide, wide};
    }
};

/// Bytes by category.
using Memory = std::vector<std::pair<std::string, double>>;

inline double total(const Memory& memory) {
    double bytes = 0;
    for (const auto& category : memory) bytes += category.second;
    return bytes;
}

/// Bytes that a rank needs. `frozen`: weights beside those that are trained.
inline Memory memory_of(const lapidary::RankElements& elements, const ElementBytes& each, double activations,
                        lapidary::Index frozen = 0) {
    const auto bytes = [](lapidary::Index count, double size) { return static_cast<double>(count) * size; };
    return {{"frozen_weights", bytes(frozen, each.weight)},
            {"weights", bytes(elements.weights, each.weight)},
            {"weight_rooms", bytes(elements.weight_rooms, each.weight)},
            {"remainders", bytes(elements.remainders, each.remainder)},
            {"gradients", bytes(elements.gradients, each.gradient)},
            {"gradients_of_lanes", bytes(elements.lane_gradients, each.gradient)},
            {"gradients_of_units", bytes(elements.unit_gradients, each.gradient)},
            {"moments", bytes(elements.moments, each.moment)},
            {"reduction_rooms", bytes(elements.reduction_rooms, each.gradient)},
            {"activations", activations}};
}

/// Bytes that this machine, or the container that this process is in, has.
inline double machine_memory() {
    const double pages = static_cast<double>(::sysconf(_SC_PHYS_PAGES));
    const double all = pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
    double limit = 0;  // the file may hold the word "max"
    return std::ifstream("/sys/fs/cgroup/memory.max") >> limit ? std::min(all, limit) : all;
}

/// What --recompute may be.
inline std::vector<std::string> recompute_choices() {
    std::vector<std::string> names(lapidary::recompute_names.begin(), lapidary::recompute_names.end());
    names.emplace_back("auto");
    return names;
}

/// The level of that name. "auto": the cheapest that fits into so many bytes, else the one that keeps least.
inline const lapidary::LevelPlan& chosen_level(const std::vector<lapidary::LevelPlan>& plans,
                                               const std::string& name, double bytes) {
    if (name == "auto") {
        const lapidary::LevelPlan* plan = lapidary::cheapest_that_fits(plans, bytes);
        return plan != nullptr ? *plan : plans.back();
    }
    for (const lapidary::LevelPlan& plan : plans) {
        if (lapidary::name_of(plan.level) == name) return plan;
    }
    throw lapidary::Error(lapidary::ErrorCode::value, "recompute", "this model has no level '" + name + "'");
}

/// The levels of recomputation side by side: what they keep, what they cost, and the memory of a rank that keeps
/// so many bytes besides, in one column for each.
inline void print_recompute(const std::vector<lapidary::LevelPlan>& plans,
                            const std::vector<std::pair<std::string, double>>& columns) {
    std::printf("recompute     activations, GB  more FLOPs, %%  ");
    for (const auto& column : columns) std::printf(" %10s", column.first.c_str());
    std::printf("\n");
    const double least = plans.front().step.operations_per_token();
    for (const lapidary::LevelPlan& plan : plans) {
        const auto activations = static_cast<double>(plan.step.activations);
        std::printf("  %-12s %14.4g %14.1f  ", lapidary::name_of(plan.level).c_str(), activations / 1e9,
                    100 * (plan.step.operations_per_token() / least - 1));
        for (const auto& column : columns) std::printf(" %10.4g", (column.second + activations) / 1e9);
        std::printf("\n");
    }
}
