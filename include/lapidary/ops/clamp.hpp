#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// x[i] = min(max(x[i], -limit), limit) in place; NaN stays. The limit is rounded to the device's element type.
template <Device D>
void clamp(D& device, View<Scalar<D>, 1> x, double limit) {
    detail::require_shape(limit >= 0, "clamp", [&] { return "limit is " + std::to_string(limit); });
    clamp_on(device, x, static_cast<Scalar<D>>(limit));
}

/// The gradient of `clamp` in place: d[i] becomes 0 where y, what `clamp` made, is at the limit. y, d: [N].
template <Device D>
void clamp_gradient(D& device, ConstView<Scalar<D>, 1> y, double limit, View<Scalar<D>, 1> d) {
    detail::require_same("clamp_gradient", "y", y, "d", d);
    clamp_gradient_on(device, y, static_cast<Scalar<D>>(limit), d);
}

}  // namespace lapidary
