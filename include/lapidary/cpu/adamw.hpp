#pragma once

#include <lapidary/cpu/elementwise.hpp>
#include <lapidary/ops/adamw.hpp>

namespace lapidary {

inline void adamw_on(Cpu& device, View<float, 1> weights, ConstView<float, 1> gradients, View<float, 1> m,
                     View<float, 1> v, const AdamWUpdate& update) {
    using namespace simd;
    const auto constant = [](double value) { return splat(static_cast<float>(value)); };
    const Lanes keep = constant(1 - update.decay), gradient_scale = constant(update.gradient_scale);
    const Lanes beta1 = constant(update.beta1), rest1 = constant(1 - update.beta1);
    const Lanes beta2 = constant(update.beta2), rest2 = constant(1 - update.beta2);
    const Lanes step_size = constant(update.step_size), correction2 = constant(update.inverse_correction2);
    const Lanes epsilon = constant(update.epsilon);
    cpu::for_all_lanes(device, weights.size(), [&](Index i, Index count) {
        const Lanes g = load16(gradients.data + i, count) * gradient_scale;
        const Lanes m1 = fma(beta1, load16(m.data + i, count), rest1 * g);
        const Lanes v1 = fma(beta2, load16(v.data + i, count), rest2 * g * g);
        const Lanes w = load16(weights.data + i, count) * keep;
        store16(m.data + i, m1, count);
        store16(v.data + i, v1, count);
        store16(weights.data + i, w - step_size * m1 / fma(sqrt(v1), correction2, epsilon), count);
    });
}

}  // namespace lapidary
