#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/reduce.hpp>

#include <algorithm>
#include <cmath>

namespace lapidary {

/// The L2 norm of all gradients together.
template <Device D>
double global_norm(D& device, ConstView<Scalar<D>, 1> gradients) {
    return std::sqrt(sum_of_squares(device, gradients));
}

/// The factor that brings a gradient of this norm to at most `limit`; 1 if `limit` is 0 or the norm is smaller.
/// As torch.nn.utils.clip_grad_norm_: limit / (norm + 1e-6).
inline double clip_factor(double norm, double limit) { return limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1.0; }

}  // namespace lapidary
