#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// One AdamW update as plain numbers; `AdamW` in optim/ computes them from the step and the rate.
struct AdamWUpdate {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double decay = 0.0;                ///< learning rate * weight decay
    double step_size = 0.0;            ///< learning rate / (1 - beta1^t)
    double inverse_correction2 = 1.0;  ///< 1 / sqrt(1 - beta2^t)
    double gradient_scale = 1.0;       ///< multiplies the gradient first: the clipping factor
};

/// For each element: g = gradient * gradient_scale; w -= decay * w; m = beta1 m + (1 - beta1) g;
/// v = beta2 v + (1 - beta2) g^2; w -= step_size * m / (sqrt(v) * inverse_correction2 + epsilon).
///
/// Updates weights, m and v in place. All views: [N]. Source: Loshchilov and Hutter, "Decoupled weight decay
/// regularization", 2019, in PyTorch's form.
template <Device D>
void adamw(D& device, View<Scalar<D>, 1> weights, ConstView<Scalar<D>, 1> gradients, View<Scalar<D>, 1> m,
           View<Scalar<D>, 1> v, const AdamWUpdate& update) {
    detail::require_same("adamw", "weights", weights, "gradients", gradients);
    detail::require_same("adamw", "weights", weights, "m", m);
    detail::require_same("adamw", "weights", weights, "v", v);
    adamw_on(device, weights, gradients, m, v, update);
}

}  // namespace lapidary
