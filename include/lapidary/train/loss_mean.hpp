#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/batch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace lapidary {

/// What the summed cross entropy of a step's batch is divided by.
enum class LossMean {
    positions,  ///< all B * T, whether they count or not: pretraining
    counted,    ///< those that count: supervised fine-tuning
    sequences,  ///< the sequences: each one's sum stays a sum, as AMBERSAFE was fine-tuned
};

inline std::string name_of(LossMean mean) {
    constexpr std::array names{"positions", "counted", "sequences"};
    return names[static_cast<std::size_t>(mean)];
}

/// How many positions of a batch count.
inline Index counted_positions(const Batch& batch) {
    const Index all = batch.batch * batch.context;
    return batch.mask.empty() ? all : all - std::count(batch.mask.begin(), batch.mask.end(), 0);
}

/// Throws Error(value) if nothing counts where that is to be divided by.
inline double loss_divisor(const Batch& batch, LossMean mean, std::string_view operation = "train_step") {
    if (mean == LossMean::sequences) return static_cast<double>(batch.batch);
    if (mean == LossMean::positions) return static_cast<double>(batch.batch * batch.context);
    const Index counted = counted_positions(batch);
    if (counted == 0) throw Error(ErrorCode::value, operation, "no label of the batch counts");
    return static_cast<double>(counted);
}

}  // namespace lapidary
