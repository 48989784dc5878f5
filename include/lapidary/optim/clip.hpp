#pragma once

#include <algorithm>

namespace lapidary {

/// The factor that brings a gradient of this norm to at most `limit`; 1 if `limit` is 0 or the norm is smaller.
/// As torch.nn.utils.clip_grad_norm_: limit / (norm + 1e-6).
inline double clip_factor(double norm, double limit) {
    return limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1.0;
}

}  // namespace lapidary
