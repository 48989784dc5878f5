#pragma once

#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lapidary {

/// Linear warm-up from exactly 0 at step 0, then half a cosine from `peak` to `floor` at `total_steps`, then
/// `floor`. A pure function of the step. Source: LLM360/amber-train, main_utils.py.
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

/// Linear warm-up from exactly 0 at step 0, then a straight line from `peak` to `floor`, which it reaches
/// `decay_steps` after the warm-up, then `floor`. A pure function of the step. A run may stop before the end.
/// Source: LLM360/crystalcoder-train, pretrain/params.
struct LinearSchedule {
    double peak = 0.012;
    double floor = 0.00012408;
    Index warmup_steps = 86;
    Index decay_steps = 294337;

    double operator()(Index step) const {
        if (step < warmup_steps) return peak * static_cast<double>(step) / static_cast<double>(warmup_steps);
        if (step >= warmup_steps + decay_steps) return floor;
        const double progress = static_cast<double>(step - warmup_steps) / static_cast<double>(decay_steps);
        return peak + (floor - peak) * progress;
    }

    /// CrystalCoder's three phases. The first was planned for 294,423 steps and ended after 79,721.
    static LinearSchedule crystalcoder_phase1() { return {}; }
    static LinearSchedule crystalcoder_phase2() { return {0.0087825, 0.00013679, 86, 214301}; }
    static LinearSchedule crystalcoder_phase3() { return {0.002, 0.0002, 276, 27452}; }
};

/// Linear warm-up that reaches `peak` at step `warmup_steps`, then `peak`. The first step is not at 0 but at
/// `peak` / (`warmup_steps` + 1). A pure function of the step. Source:
/// eric-mitchell/direct-preference-optimization, trainers.py.
struct ConstantSchedule {
    double peak = 5e-7;
    Index warmup_steps = 150;

    double operator()(Index step) const {
        return peak * std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warmup_steps + 1));
    }
};

}  // namespace lapidary
