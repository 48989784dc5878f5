#pragma once

#include <lapidary/ops/rmsprop.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>

namespace lapidary {

inline void rmsprop_on(Reference&, View<double, 1> weights, ConstView<double, 1> gradients, View<double, 1> v,
                       const RmsPropUpdate& update) {
    for (Index i = 0; i < weights.size(); ++i) {
        const double g = gradients[i] * update.gradient_scale + update.weight_decay * weights[i];
        v[i] = update.decay * v[i] + (1 - update.decay) * g * g;
        weights[i] -= update.rate * g / (std::sqrt(v[i]) + update.epsilon);
    }
}

}  // namespace lapidary
