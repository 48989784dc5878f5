#pragma once

#include <lapidary/checkpoint/manifest.hpp>
#include <lapidary/core/shape.hpp>

#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// What was decided about a step whose loss or gradient was bad. The run's manifest keeps it, so that whoever
/// resumes or replays the run does the same.
struct Decision {
    Index step = 0;
    std::string reason{};  ///< what was bad
    bool rewound = false;  ///< else the step was left out
    Index back_to = 0;     ///< if rewound: the step to go on with, of a checkpoint
    Index next_batch = 0;  ///< if rewound: which batch that step takes; those in between are left out
    double loss = 0;       ///< what the step had, maybe not finite
    double gradient_norm = 0;
};

/// The decisions of a run, in the order in which they were taken.
class Decisions {
public:
    Decisions() = default;
    explicit Decisions(std::vector<Decision> list) : list_(std::move(list)) {}

    [[nodiscard]] const std::vector<Decision>& list() const { return list_; }
    void add(Decision decision) { list_.push_back(std::move(decision)); }

    /// Which batch of the data a step takes: that of its number, or a later one after the run was rewound.
    [[nodiscard]] Index batch_of(Index step) const {
        for (auto decision = list_.rbegin(); decision != list_.rend(); ++decision) {
            if (decision->rewound && decision->back_to <= step)
                return decision->next_batch + step - decision->back_to;
        }
        return step;
    }
    /// The step that takes a batch; nothing: it was left out by rewinding.
    [[nodiscard]] std::optional<Index> step_of(Index batch) const {
        Index end = -1;  // steps from here on belong to a later rewinding
        for (auto decision = list_.rbegin(); decision != list_.rend(); ++decision) {
            if (!decision->rewound || (end >= 0 && decision->back_to >= end)) continue;
            const Index step = decision->back_to + batch - decision->next_batch;
            if (step >= decision->back_to && (end < 0 || step < end)) return step;
            end = decision->back_to;
        }
        if (end < 0 || batch < end) return batch;
        return std::nullopt;
    }
    /// The step that trained on a batch; nothing: none did, or it was left out.
    [[nodiscard]] std::optional<Index> trained_step_of(Index batch) const {
        const std::optional<Index> step = step_of(batch);
        return step && skip_of(*step) == nullptr ? step : std::nullopt;
    }
    /// How far into the data the first `steps` steps go, in batches.
    [[nodiscard]] Index batches_before(Index steps) const { return steps < 1 ? 0 : batch_of(steps - 1) + 1; }
    /// The decision to leave a step out; none: nullptr. A rewinding to before it, taken later, undoes it.
    [[nodiscard]] const Decision* skip_of(Index step) const {
        for (auto decision = list_.rbegin(); decision != list_.rend(); ++decision) {
            if (!decision->rewound && decision->step == step) return &*decision;
            if (decision->rewound && decision->back_to <= step) return nullptr;
        }
        return nullptr;
    }
    /// How many steps in a row were left out before one.
    [[nodiscard]] Index skips_before(Index step) const {
        Index count = 0;
        while (count < step && skip_of(step - 1 - count) != nullptr) ++count;
        return count;
    }
    /// How often the run was rewound to a step.
    [[nodiscard]] Index rewindings_to(Index step) const {
        Index count = 0;
        for (const Decision& decision : list_) count += decision.rewound && decision.back_to == step ? 1 : 0;
        return count;
    }

private:
    std::vector<Decision> list_;
};

namespace detail {

/// JSON has no word for what is not a number.
inline Json finite_or_name(double value) {
    if (value == value && value - value == 0) return value;
    return value != value ? "nan" : value > 0 ? "inf" : "-inf";
}

inline double number_or_name(const Json& object, const char* key, const std::string& where) {
    const Json value = get<Json>(object, key, where);
    if (value.is_string()) {
        if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
        if (value == "inf") return std::numeric_limits<double>::infinity();
        if (value == "-inf") return -std::numeric_limits<double>::infinity();
    }
    return get<double>(object, key, where);
}

}  // namespace detail

inline Json to_json(const Decision& decision) {
    Json result = {{"step", decision.step},
                   {"reason", decision.reason},
                   {"action", decision.rewound ? "rewind" : "skip"},
                   {"loss", detail::finite_or_name(decision.loss)},
                   {"gradient_norm", detail::finite_or_name(decision.gradient_norm)}};
    if (decision.rewound) result.update({{"back_to", decision.back_to}, {"next_batch", decision.next_batch}});
    return result;
}

/// The decisions in a manifest; none if it says nothing of any. Throws Error(format) naming the key.
inline Decisions decisions_in(const Json& manifest, const std::string& where) {
    std::vector<Decision> list;
    for (const Json& json : get_or(manifest, "decisions", std::vector<Json>(), where)) {
        Decision one;
        one.step = get<Index>(json, "step", where);
        one.reason = get<std::string>(json, "reason", where);
        const auto action = get<std::string>(json, "action", where);
        if (action != "skip" && action != "rewind") {
            throw Error(ErrorCode::format, "manifest", where + ": there is no action '" + action + "'");
        }
        one.rewound = action == "rewind";
        if (one.rewound) {
            one.back_to = get<Index>(json, "back_to", where);
            one.next_batch = get<Index>(json, "next_batch", where);
        }
        one.loss = detail::number_or_name(json, "loss", where);
        one.gradient_norm = detail::number_or_name(json, "gradient_norm", where);
        list.push_back(std::move(one));
    }
    return Decisions(std::move(list));
}

/// Adds a decision to the manifest of a run, durably: before anything is done that follows from it.
inline void record_decision(const std::filesystem::path& run, const Decision& decision) {
    Json manifest = read_manifest(run);
    if (!manifest.contains("decisions")) manifest["decisions"] = Json::array();
    manifest["decisions"].push_back(to_json(decision));
    write_json(run / "manifest.json", manifest);
}

}  // namespace lapidary
