#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/exp.hpp>
#include <lapidary/ops/cross_entropy.hpp>

#include <algorithm>
#include <cstdint>

namespace lapidary {

inline void cross_entropy_on(Cpu& device, ConstView<float, 2> logits, ConstView<std::int32_t, 1> targets,
                             View<float, 1> losses) {
    const Index size = logits.extent(1);
    device.run(logits.extent(0), [&](Index n, Arena&) {
        const float* row = logits.data + n * size;
        losses[n] = targets[n] < 0 ? 0.0F : simd::log_sum_exp(row, size) - row[targets[n]];
    });
}

inline void cross_entropy_gradient_on(Cpu& device, View<float, 2> logits, ConstView<std::int32_t, 1> targets,
                                      View<float, 1> losses, double scale) {
    using namespace simd;
    const Index size = logits.extent(1);
    const Lanes factor = splat(static_cast<float>(scale));
    device.run(logits.extent(0), [&](Index n, Arena&) {
        float* row = logits.data + n * size;
        if (targets[n] < 0) {
            losses[n] = 0.0F;
            std::fill_n(row, size, 0.0F);
            return;
        }
        const float log_sum = simd::log_sum_exp(row, size);
        losses[n] = log_sum - row[targets[n]];
        for_lanes(size, [&](Index i, Index count) {
            store16(row + i, factor * simd::exp(load16(row + i, count) - splat(log_sum)), count);
        });
        row[targets[n]] -= static_cast<float>(scale);
    });
}

}  // namespace lapidary
