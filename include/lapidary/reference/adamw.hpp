#pragma once

#include <lapidary/ops/adamw.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>

namespace lapidary {

inline void adamw_on(Reference&, View<double, 1> weights, ConstView<double, 1> gradients, View<double, 1> m,
                     View<double, 1> v, const AdamWUpdate& update) {
    for (Index i = 0; i < weights.size(); ++i) {
        const double g = gradients[i] * update.gradient_scale;
        weights[i] -= update.decay * weights[i];
        m[i] = update.beta1 * m[i] + (1 - update.beta1) * g;
        v[i] = update.beta2 * v[i] + (1 - update.beta2) * g * g;
        weights[i] -= update.step_size * m[i] / (std::sqrt(v[i]) * update.inverse_correction2 + update.epsilon);
    }
}

}  // namespace lapidary
