#pragma once

#include <lapidary/core/shape.hpp>

#include <cmath>
#include <numbers>

namespace lapidary {

/// Linear warm-up from exactly 0 at step 0, then half a cosine from `peak` to `floor` at `total_steps`, then `floor`.
/// A pure function of the step. Source: LLM360/amber-train, main_utils.py.
struct CosineSchedule {
    double peak = 3e-4;
    double floor = 3e-5;
    Index warmup_steps = 2000;
    Index total_steps = 274320;

    double operator()(Index step) const {
        if (step < warmup_steps) return peak * static_cast<double>(step) / static_cast<double>(warmup_steps);
        if (step >= total_steps) return floor;
        const double progress =
            static_cast<double>(step - warmup_steps) / static_cast<double>(total_steps - warmup_steps);
        return floor + 0.5 * (1 + std::cos(std::numbers::pi * progress)) * (peak - floor);
    }
};

}  // namespace lapidary
