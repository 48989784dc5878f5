#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/accumulation.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// y[n, m] += bias[m] in place. y: [N, M]; bias: [M].
template <Device D>
void add_bias(D& device, ConstView<Scalar<D>, 1> bias, View<Scalar<D>, 2> y) {
    detail::require_shape(bias.extent(0) == y.extent(1), "add_bias",
                          [&] { return "bias is " + detail::extents(bias) + ", y is " + detail::extents(y); });
    add_bias_on(device, bias, y);
}

/// The gradient of `add_bias`: dbias[m] += sum over tokens of dy.
///
/// dy: [B, T, M]; dbias: [M]. Sums over tokens follow `accumulation_block` with blocks that start anew at each
/// sequence.
template <Device D>
void bias_gradient(D& device, ConstView<Scalar<D>, 3> dy, View<Accumulator<D>, 1> dbias) {
    detail::require_shape(dbias.extent(0) == dy.extent(2), "bias_gradient",
                          [&] { return "dy is " + detail::extents(dy) + ", dbias is " + detail::extents(dbias); });
    bias_gradient_on(device, dy, dbias);
}

}  // namespace lapidary
