#pragma once

#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/update_weights.cuh>

namespace lapidary {

namespace kernels {

/// `RmsPropUpdate` as it is computed with, and one element of it.
struct RmsPropRule {
    static constexpr int moments = 1;

    float gradient_scale, weight_decay, decay, rest, rate, epsilon;

    explicit RmsPropRule(const RmsPropUpdate& update)
        : gradient_scale(static_cast<float>(update.gradient_scale)),
          weight_decay(static_cast<float>(update.weight_decay)),
          decay(static_cast<float>(update.decay)),
          rest(static_cast<float>(1 - update.decay)),
          rate(static_cast<float>(update.rate)),
          epsilon(static_cast<float>(update.epsilon)) {}

    LAPIDARY_KERNEL void operator()(float g, float& w, float (&v)[moments]) const {
        g = fmaf(weight_decay, w, g * gradient_scale);
        v[0] = fmaf(decay, v[0], rest * g * g);
        w -= rate * g / (sqrtf(v[0]) + epsilon);
    }
};

}  // namespace kernels

template <Gpu G>
void rmsprop_on(G& gpu, std::type_identity_t<MasterWeights<Scalar<G>>> weights,
                ConstView<Accumulator<G>, 1> gradients, View<Accumulator<G>, 1> v, const RmsPropUpdate& update) {
    kernels::update_weights(gpu, kernels::RmsPropRule(update), weights, gradients, {v});
}

}  // namespace lapidary
