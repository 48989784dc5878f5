#pragma once

#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/update_weights.cuh>

namespace lapidary {

namespace kernels {

/// `AdamWUpdate` as it is computed with, and one element of it: its moments are m and v.
struct AdamWRule {
    static constexpr int moments = 2;

    float keep, gradient_scale, beta1, rest1, beta2, rest2, step_size, correction2, epsilon;

    explicit AdamWRule(const AdamWUpdate& update)
        : keep(static_cast<float>(1 - update.decay)),
          gradient_scale(static_cast<float>(update.gradient_scale)),
          beta1(static_cast<float>(update.beta1)),
          rest1(static_cast<float>(1 - update.beta1)),
          beta2(static_cast<float>(update.beta2)),
          rest2(static_cast<float>(1 - update.beta2)),
          step_size(static_cast<float>(update.step_size)),
          correction2(static_cast<float>(update.inverse_correction2)),
          epsilon(static_cast<float>(update.epsilon)) {}

    LAPIDARY_KERNEL void operator()(float g, float& w, float (&kept)[moments]) const {
        float &m = kept[0], &v = kept[1];
        g *= gradient_scale;
        m = fmaf(beta1, m, rest1 * g);
        v = fmaf(beta2, v, rest2 * g * g);
        w = w * keep - step_size * m / fmaf(sqrtf(v), correction2, epsilon);
    }
};

}  // namespace kernels

template <Gpu G>
void adamw_on(G& gpu, std::type_identity_t<MasterWeights<Scalar<G>>> weights,
              ConstView<Accumulator<G>, 1> gradients, View<Accumulator<G>, 1> m, View<Accumulator<G>, 1> v,
              const AdamWUpdate& update) {
    kernels::update_weights(gpu, kernels::AdamWRule(update), weights, gradients, {m, v});
}

}  // namespace lapidary
