#pragma once

#include <lapidary/core/adapter_plan.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/models/huggingface.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// How a model is adapted, in the words of `peft`'s LoraConfig.
struct LoraOptions {
    Index rank = 8;
    double alpha = 16;
    bool rank_stabilized = false;  ///< scale by alpha / sqrt(rank), not alpha / rank
    /// Modules, each by the end of its name ("q_proj", "attn.c_proj"); none: every matrix of the blocks.
    std::vector<std::string> targets{};
};

namespace detail {

/// The name of a module whose weight may be adapted, a matrix of a block; of other tensors nothing.
inline std::string adaptable_module(const HuggingFaceTensor& tensor) {
    constexpr std::string_view end = ".weight";
    if (tensor.rank != 2 || !tensor.leaf.starts_with("blocks.") || !tensor.name.ends_with(end)) return {};
    return tensor.name.substr(0, tensor.name.size() - end.size());
}

inline bool names_module(const std::string& target, const std::string& module) {
    return module == target || module.ends_with("." + target);
}

/// The rows of the leaf that a tensor is: it may have them in another order. Throws Error(unsupported) for rows
/// with others between them.
inline Range rows_of(const HuggingFaceTensor& tensor) {
    Index first = tensor.rows.front().first, end = 0;
    for (const LeafRows& part : tensor.rows) {
        first = std::min(first, part.first);
        end = std::max(end, part.first + part.count);
    }
    if (end - first != tensor.row_count()) {
        throw Error(ErrorCode::unsupported, "adapter", quote(tensor.name) + " is scattered over a fused matrix");
    }
    return {first, end - first};
}

/// A tensor's part of its leaf's adapters.
struct PlannedPart {
    Index index = 0;
    Index rows_before = 0;  ///< of the parts before it
};

/// The part of a plan that is this tensor, if it has one.
inline std::optional<PlannedPart> part_of(const AdapterPlan& plan, const HuggingFaceTensor& tensor) {
    const auto parts = plan.parts.find(tensor.leaf);
    if (parts == plan.parts.end() || adaptable_module(tensor).empty()) return std::nullopt;
    const Range rows = rows_of(tensor);
    PlannedPart found;
    for (const Range& part : parts->second) {
        if (part.first == rows.first && part.count == rows.count) return found;
        ++found.index;
        found.rows_before += part.count;
    }
    return std::nullopt;
}

}  // namespace detail

/// The plan that adapts the modules asked for. Throws Error(value) for a rank or an alpha that is not positive,
/// and for a target that no module is, listing what there is. `where`: the file that the options are from, for
/// messages.
template <HuggingFaceConfig Config>
AdapterPlan adapter_plan(const Config& config, const LoraOptions& options, const std::string& where = {}) {
    const auto refuse = [&](const std::string& why) {
        throw Error(ErrorCode::value, "lora", (where.empty() ? "" : where + ": ") + why);
    };
    if (options.rank < 1 || options.rank > 65536) {
        refuse("the rank is " + std::to_string(options.rank) + ", it must be in [1, 65536]");
    }
    if (!(options.alpha > 0 && options.alpha <= 1e6)) {
        refuse("alpha is " + std::to_string(options.alpha) + ", it must be in (0, 1e6]");
    }
    AdapterPlan plan{.rank = options.rank, .alpha = options.alpha, .rank_stabilized = options.rank_stabilized};
    std::set<std::string> missing(options.targets.begin(), options.targets.end()), known;
    for (const HuggingFaceTensor& tensor : config.tensors()) {
        const std::string module = detail::adaptable_module(tensor);
        if (module.empty()) continue;
        known.insert(module.substr(module.rfind('.') + 1));
        bool wanted = options.targets.empty();
        for (const std::string& target : options.targets) {
            if (!detail::names_module(target, module)) continue;
            missing.erase(target);
            wanted = true;
        }
        if (wanted) plan.parts[tensor.leaf].push_back(detail::rows_of(tensor));
    }
    if (!missing.empty()) {
        std::string names;
        for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
        refuse("there is no module " + quote(*missing.begin()) + " in the blocks, only " + names);
    }
    for (auto& [leaf, parts] : plan.parts) {
        std::sort(parts.begin(), parts.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    }
    return plan;
}

/// The tensors of a plan's adapters in a file of `peft`, and where they lie in the layout of adapters. Throws
/// Error(unsupported) for a plan with parts that are no modules of such a file.
template <HuggingFaceConfig Config>
std::vector<HuggingFaceTensor> adapter_tensors(const Config& config, const AdapterPlan& plan) {
    std::vector<HuggingFaceTensor> result;
    for (const HuggingFaceTensor& tensor : config.tensors()) {
        const std::string module = detail::adaptable_module(tensor);
        const std::optional<detail::PlannedPart> part = detail::part_of(plan, tensor);
        if (!part) continue;
        const Range rows = detail::rows_of(tensor);
        const std::string name = "base_model.model." + module;
        result.push_back({name + ".lora_A.weight",
                          tensor.leaf + ".lora_A",
                          {{part->index * plan.rank, plan.rank}},
                          tensor.columns});
        HuggingFaceTensor b{name + ".lora_B.weight", tensor.leaf + ".lora_B", {}, plan.rank};
        for (const LeafRows& each : tensor.rows)
            b.rows.push_back({each.first - rows.first + part->rows_before, each.count});
        result.push_back(std::move(b));
    }
    std::size_t wanted = 0;
    for (const auto& [leaf, parts] : plan.parts) wanted += parts.size();
    if (result.size() != 2 * wanted) {
        throw Error(ErrorCode::unsupported, "adapter",
                    std::to_string(wanted) + " parts of matrices have adapters, of which " +
                        std::to_string(result.size() / 2) +
                        " are modules of a file: make the plan with adapter_plan");
    }
    return result;
}

/// The ends of the names of a plan's modules, as `peft` lists them: each once, in the order of the alphabet.
/// Unlike names that end alike, they are the shortest that tell adapted modules from others.
template <HuggingFaceConfig Config>
std::vector<std::string> adapted_modules(const Config& config, const AdapterPlan& plan) {
    std::set<std::string> adapted, others;
    std::vector<std::string> modules;
    for (const HuggingFaceTensor& tensor : config.tensors()) {
        const std::string module = detail::adaptable_module(tensor);
        if (module.empty()) continue;
        (detail::part_of(plan, tensor) ? adapted : others).insert(module);
    }
    std::set<std::string> names;
    for (const std::string& module : adapted) {
        std::size_t dot = module.rfind('.');
        const auto clashes = [&] {
            return std::any_of(others.begin(), others.end(), [&](const std::string& other) {
                return detail::names_module(module.substr(dot + 1), other);
            });
        };
        while (dot != std::string::npos && clashes())
            dot = dot == 0 ? std::string::npos : module.rfind('.', dot - 1);
        names.insert(module.substr(dot + 1));
    }
    return {names.begin(), names.end()};
}

}  // namespace lapidary
