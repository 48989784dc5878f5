#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/accumulation.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// What `layer_norm` learned of its rows, [N] each, which the gradient needs.
template <class T>
struct RowStatistics {
    View<T, 1> mean;
    View<T, 1> inverse_deviation;  ///< 1 / sqrt(variance + epsilon)
};

/// y = (x - mean(x)) / sqrt(variance(x) + epsilon) * gain + bias, row by row; the variance divides by C.
///
/// x, y: [N, C]; gain: [C]; bias: [C], or [0] for none. The mean of an empty row is NaN.
/// Source: Ba et al., "Layer normalization", 2016; torch.nn.LayerNorm.
template <Device D>
void layer_norm(D& device, ConstView<Scalar<D>, 2> x, ConstView<Scalar<D>, 1> gain, ConstView<Scalar<D>, 1> bias,
                double epsilon, View<Scalar<D>, 2> y, RowStatistics<Accumulator<D>> rows) {
    detail::require_same("layer_norm", "x", x, "y", y);
    detail::require_same("layer_norm", "mean", rows.mean, "inverse_deviation", rows.inverse_deviation);
    detail::require_shape(gain.extent(0) == x.extent(1) && rows.mean.extent(0) == x.extent(0) &&
                              (bias.empty() || bias.shape == gain.shape),
                          "layer_norm", [&] {
                              return "x is " + detail::extents(x) + ", gain " + detail::extents(gain) + ", bias " +
                                     detail::extents(bias) + ", mean " + detail::extents(rows.mean);
                          });
    layer_norm_on(device, x, gain, bias, epsilon, y, rows);
}

/// The gradient of `layer_norm`: adds to dx, to dgain and, if there is one, to dbias.
///
/// x, dy, dx: [B, T, C]; gain, dgain: [C]; dbias: [C] or [0]; `rows` as saved by the forward pass. Sums over
/// tokens (dgain, dbias) follow `accumulation_block` with blocks that start anew at each sequence.
template <Device D>
void layer_norm_gradient(D& device, ConstView<Scalar<D>, 3> x, ConstView<Scalar<D>, 1> gain,
                         RowStatistics<Accumulator<D>> rows, ConstView<Scalar<D>, 3> dy, View<Scalar<D>, 3> dx,
                         View<Accumulator<D>, 1> dgain, View<Accumulator<D>, 1> dbias) {
    detail::require_same("layer_norm_gradient", "x", x, "dy", dy);
    detail::require_same("layer_norm_gradient", "x", x, "dx", dx);
    detail::require_same("layer_norm_gradient", "gain", gain, "dgain", dgain);
    detail::require_same("layer_norm_gradient", "mean", rows.mean, "inverse_deviation", rows.inverse_deviation);
    detail::require_shape(gain.extent(0) == x.extent(2) && (dbias.empty() || dbias.shape == gain.shape) &&
                              rows.mean.extent(0) == x.extent(0) * x.extent(1),
                          "layer_norm_gradient", [&] {
                              return "x is " + detail::extents(x) + ", gain " + detail::extents(gain) +
                                     ", dbias " + detail::extents(dbias) + ", mean " + detail::extents(rows.mean);
                          });
    layer_norm_gradient_on(device, x, gain, rows, dy, dx, dgain, dbias);
}

}  // namespace lapidary
