#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/master_weights.hpp>
#include <lapidary/ops/check.hpp>

#include <type_traits>

namespace lapidary {

/// One RMSprop update as plain numbers; `RmsProp` in optim/ computes them from the rate.
struct RmsPropUpdate {
    double decay = 0.99;  ///< of the second moment, from one update to the next
    double epsilon = 1e-8;
    double rate = 0.0;
    double gradient_scale = 1.0;  ///< multiplies the gradient first: the clipping factor
    double weight_decay = 0.0;    ///< adds this times the weight to the gradient
};

/// For each element: g = gradient * gradient_scale + weight_decay * w; v = decay v + (1 - decay) g^2;
/// w -= rate * g / (sqrt(v) + epsilon).
///
/// Updates weights and v in place. All views: [N]; of bf16 weights also the remainders, and w is what both
/// together hold. Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012, in PyTorch's form, without momentum
/// and not centred.
template <Device D>
void rmsprop(D& device, std::type_identity_t<MasterWeights<Scalar<D>>> weights,
             ConstView<Accumulator<D>, 1> gradients, View<Accumulator<D>, 1> v, const RmsPropUpdate& update) {
    detail::require_same("rmsprop", "weights", weights.weights, "gradients", gradients);
    detail::require_same("rmsprop", "weights", weights.weights, "v", v);
    if constexpr (has_remainders<D>) {
        detail::require_same("rmsprop", "weights", weights.weights, "remainders", weights.remainders);
        rmsprop_on(device, weights, gradients, v, update);
    } else {
        rmsprop_on(device, weights.weights, gradients, v, update);
    }
}

}  // namespace lapidary
