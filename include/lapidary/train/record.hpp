#pragma once

#include <lapidary/core/shape.hpp>

namespace lapidary {

/// What one step did, for logs.
struct StepRecord {
    Index step = 0;    ///< which step, from 0
    Index tokens = 0;  ///< tokens trained on in this step
    double loss = 0;   ///< mean cross entropy in nats, before the update
    double learning_rate = 0;
    double gradient_norm = 0;     ///< over all parameters, before clipping
    double seconds = 0;           ///< wall time of the step
    Index chunk = 0;              ///< the data chunk it read
    bool chunk_finished = false;  ///< it was the chunk's last step
    bool applied = true;          ///< else the weights were left as they were

    [[nodiscard]] double tokens_per_second() const {
        return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
    }
};

}  // namespace lapidary
