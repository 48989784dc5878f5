#pragma once

#include <lapidary/cpu/elementwise.hpp>
#include <lapidary/ops/rmsprop.hpp>

namespace lapidary {

inline void rmsprop_on(Cpu& device, View<float, 1> weights, ConstView<float, 1> gradients, View<float, 1> v,
                       const RmsPropUpdate& update) {
    using namespace simd;
    const auto constant = [](double value) { return splat(static_cast<float>(value)); };
    const Lanes gradient_scale = constant(update.gradient_scale), weight_decay = constant(update.weight_decay);
    const Lanes decay = constant(update.decay), rest = constant(1 - update.decay);
    const Lanes rate = constant(update.rate), epsilon = constant(update.epsilon);
    cpu::for_all_lanes(device, weights.size(), [&](Index i, Index count) {
        const Lanes w = load16(weights.data + i, count);
        const Lanes g = fma(weight_decay, w, load16(gradients.data + i, count) * gradient_scale);
        const Lanes v1 = fma(decay, load16(v.data + i, count), rest * g * g);
        store16(v.data + i, v1, count);
        store16(weights.data + i, w - rate * g / (sqrt(v1) + epsilon), count);
    });
}

}  // namespace lapidary
