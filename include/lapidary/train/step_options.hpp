#pragma once

#include <lapidary/train/loss_mean.hpp>
#include <lapidary/train/record.hpp>

#include <functional>

namespace lapidary {

/// How a step's batch is worked through.
struct StepOptions {
    Index micro_batch = 0;  ///< sequences in flight at once; 0: a whole lane. Changes memory, on a CPU never a bit
    Index lanes = 1;        ///< a power of two that divides the batch; a property of the run: it changes bits
    double clip_norm = 1.0;               ///< limit of the global gradient norm; 0: none
    LossMean mean = LossMean::positions;  ///< not of preferences, whose loss is the mean over pairs
    /// Asked before the update, on all ranks alike, whether to make it, also where loss or norm is not finite,
    /// which is never made: without this it is an Error.
    std::function<bool(const StepRecord&)> accept{};
};

}  // namespace lapidary
