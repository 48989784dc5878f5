#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/master_weights.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/ops/check.hpp>

#include <type_traits>

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
/// Updates weights, m and v in place. All views: [N]; of bf16 weights also the remainders, and w is what both
/// together hold. Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, in PyTorch's form.
template <Device D>
void adamw(D& device, std::type_identity_t<MasterWeights<Scalar<D>>> weights,
           ConstView<Accumulator<D>, 1> gradients, View<Accumulator<D>, 1> m, View<Accumulator<D>, 1> v,
           const AdamWUpdate& update) {
    detail::require_same("adamw", "weights", weights.weights, "gradients", gradients);
    detail::require_same("adamw", "weights", weights.weights, "m", m);
    detail::require_same("adamw", "weights", weights.weights, "v", v);
    if constexpr (has_remainders<D>) {
        detail::require_same("adamw", "weights", weights.weights, "remainders", weights.remainders);
        adamw_on(device, weights, gradients, m, v, update);
    } else {
        adamw_on(device, weights.weights, gradients, m, v, update);
    }
}

/// As `adamw` with moments in bf16, a quarter of the state's memory less. They are rounded stochastically, up with
/// the probability that keeps their mean: element i of the whole flat vector draws 16 bits for m and 16 for v from
/// word i % 4 of `rounding.bits(i / 4)`, low half and high half. `first`: which i the views begin with.
///
/// Throws Error(unsupported) on devices that have no such operation (`adamw_narrow_on`).
template <Device D>
void adamw_narrow(D& device, std::type_identity_t<MasterWeights<Scalar<D>>> weights,
                  ConstView<Accumulator<D>, 1> gradients, View<bf16, 1> m, View<bf16, 1> v,
                  const AdamWUpdate& update, const Philox& rounding, Index first) {
    detail::require_same("adamw_narrow", "weights", weights.weights, "gradients", gradients);
    detail::require_same("adamw_narrow", "weights", weights.weights, "m", m);
    detail::require_same("adamw_narrow", "weights", weights.weights, "v", v);
    if constexpr (requires { adamw_narrow_on(device, weights, gradients, m, v, update, rounding, first); }) {
        adamw_narrow_on(device, weights, gradients, m, v, update, rounding, first);
    } else {
        throw Error(ErrorCode::unsupported, "adamw_narrow", "this device keeps its moments in full precision");
    }
}

}  // namespace lapidary
