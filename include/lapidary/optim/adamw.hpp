#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/adamw.hpp>

#include <cmath>

namespace lapidary {

/// AdamW with decoupled weight decay on every parameter, as AMBER used it.
/// Source: Loshchilov and Hutter, 2019; equal to torch.optim.AdamW step by step.
struct AdamW {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1;

    /// Updates flat weights and moments in place. `updates_before`: how many updates came before this one;
    /// `gradient_scale`: multiplies the gradients first (the clipping factor).
    template <Device D>
    void update(D& device, View<Scalar<D>, 1> weights, ConstView<Scalar<D>, 1> gradients, View<Scalar<D>, 1> m,
                View<Scalar<D>, 1> v, Index updates_before, double rate, double gradient_scale) const {
        const auto t = static_cast<double>(updates_before + 1);
        adamw(device, weights, gradients, m, v,
              {.beta1 = beta1,
               .beta2 = beta2,
               .epsilon = epsilon,
               .decay = rate * weight_decay,
               .step_size = rate / (1 - std::pow(beta1, t)),
               .inverse_correction2 = 1 / std::sqrt(1 - std::pow(beta2, t)),
               .gradient_scale = gradient_scale});
    }
};

}  // namespace lapidary
