#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/optim/schedule.hpp>

#include <algorithm>
#include <string>

namespace lapidary {

/// The learning rate of a run as its manifest records it: a warm-up, then a cosine or a straight line from `peak`
/// to `floor`, which it reaches after `steps`. A pure function of the step.
struct LearningRate {
    bool linear = false;
    double peak = 3e-4;
    double floor = 3e-5;
    Index warmup_steps = 0;
    Index steps = 1;  ///< of the whole run

    double operator()(Index step) const {
        if (linear)
            return LinearSchedule{peak, floor, warmup_steps, std::max<Index>(1, steps - warmup_steps)}(step);
        return CosineSchedule{peak, floor, warmup_steps, steps}(step);
    }
};

inline Json to_json(const LearningRate& rate) {
    return {{"schedule", rate.linear ? "linear" : "cosine"},
            {"peak", rate.peak},
            {"floor", rate.floor},
            {"warmup_steps", rate.warmup_steps}};
}

/// Throws Error(format) naming the key; `where` says which file.
inline LearningRate learning_rate(const Json& json, Index steps, const std::string& where) {
    const auto schedule = get<std::string>(json, "schedule", where);
    if (schedule != "linear" && schedule != "cosine") {
        throw Error(ErrorCode::format, "manifest", where + ": there is no schedule '" + schedule + "'");
    }
    return {schedule == "linear", get<double>(json, "peak", where), get<double>(json, "floor", where),
            get<Index>(json, "warmup_steps", where), steps};
}

}  // namespace lapidary
