#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/models/training_recipe.hpp>
#include <lapidary/optim/schedule.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace lapidary {

/// The decays by name, as manifests and options have them: `decay_names[decay]`.
inline constexpr std::array<std::string_view, 3> decay_names{"cosine", "linear", "constant"};
inline std::string name_of(Decay decay) { return std::string(decay_names[static_cast<std::size_t>(decay)]); }

/// The decay of that name; none if there is none.
inline std::optional<Decay> decay_named(std::string_view name) {
    const auto found = std::find(decay_names.begin(), decay_names.end(), name);
    if (found == decay_names.end()) return std::nullopt;
    return static_cast<Decay>(found - decay_names.begin());
}

/// The learning rate of a run as its manifest records it: a warm-up, then a cosine or a straight line from `peak`
/// to `floor`, which it reaches after `steps`; or it stays at `peak`. A pure function of the step.
struct LearningRate {
    Decay decay = Decay::cosine;
    double peak = 3e-4;
    double floor = 3e-5;  ///< of no meaning where the rate is constant
    Index warmup_steps = 0;
    Index steps = 1;  ///< of the whole run

    /// Throws Error(value) naming a number that is out of its range, or with which the rate would not fall, or be
    /// `peak` at no step. (A constant rate may end in its warm-up: AMBERSAFE's is as long for any number of
    /// steps.)
    void check() const {
        const auto refuse = [](const std::string& why) { throw Error(ErrorCode::value, "learning_rate", why); };
        if (!(peak >= 0) || !std::isfinite(peak)) refuse("the highest rate is " + Json(peak).dump());
        if (warmup_steps < 0) refuse("a warm-up of " + std::to_string(warmup_steps) + " steps");
        if (decay == Decay::constant) return;
        if (!(floor >= 0 && floor <= peak)) {
            refuse("the last rate is " + Json(floor).dump() + ", not between 0 and the highest, " +
                   Json(peak).dump());
        }
        if (warmup_steps >= steps) {
            refuse("a warm-up of " + std::to_string(warmup_steps) + " steps takes all " + std::to_string(steps) +
                   " that there are");
        }
    }
    double operator()(Index step) const {
        switch (decay) {
            case Decay::linear:
                return LinearSchedule{peak, floor, warmup_steps, std::max<Index>(1, steps - warmup_steps)}(step);
            case Decay::constant:
                return ConstantSchedule{peak, warmup_steps}(step);
            default:
                return CosineSchedule{peak, floor, warmup_steps, steps}(step);
        }
    }
};

inline Json to_json(const LearningRate& rate) {
    Json result = {{"schedule", name_of(rate.decay)}, {"peak", rate.peak}};
    if (rate.decay != Decay::constant) result["floor"] = rate.floor;
    result["warmup_steps"] = rate.warmup_steps;
    return result;
}

/// Throws Error(format) naming the key; `where` says which file.
inline LearningRate learning_rate(const Json& json, Index steps, const std::string& where) {
    const auto schedule = get<std::string>(json, "schedule", where);
    const std::optional<Decay> decay = decay_named(schedule);
    if (!decay) throw Error(ErrorCode::format, "manifest", where + ": there is no schedule '" + schedule + "'");
    const auto peak = get<double>(json, "peak", where);
    const double floor = *decay == Decay::constant ? peak : get<double>(json, "floor", where);
    return {*decay, peak, floor, get<Index>(json, "warmup_steps", where), steps};
}

}  // namespace lapidary
