#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/accumulation.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// y = x / sqrt(mean(x^2) + epsilon) * gain, row by row.
///
/// x, y: [N, C]; gain: [C]; inverse_rms: [N] receives 1 / sqrt(mean(x^2) + epsilon), which the gradient needs.
/// The mean of an empty row is NaN.
/// Source: Zhang and Sennrich, "Root mean square layer normalization", 2019; LLaMA's modeling_llama.py.
template <Device D>
void rms_norm(D& device, ConstView<Scalar<D>, 2> x, ConstView<Scalar<D>, 1> gain, double epsilon,
              View<Scalar<D>, 2> y, View<Accumulator<D>, 1> inverse_rms) {
    detail::require_same("rms_norm", "x", x, "y", y);
    detail::require_shape(gain.extent(0) == x.extent(1) && inverse_rms.extent(0) == x.extent(0), "rms_norm", [&] {
        return "x is " + detail::extents(x) + ", gain " + detail::extents(gain) + ", inverse_rms " +
               detail::extents(inverse_rms);
    });
    rms_norm_on(device, x, gain, epsilon, y, inverse_rms);
}

/// The gradient of `rms_norm`: adds to dx and to dgain.
///
/// x, dy, dx: [B, T, C]; gain, dgain: [C]; inverse_rms: [B * T] as saved by the forward pass. Sums over tokens
/// (dgain) follow `accumulation_block` with blocks that start anew at each sequence.
template <Device D>
void rms_norm_gradient(D& device, ConstView<Scalar<D>, 3> x, ConstView<Scalar<D>, 1> gain,
                       ConstView<Accumulator<D>, 1> inverse_rms, ConstView<Scalar<D>, 3> dy, View<Scalar<D>, 3> dx,
                       View<Accumulator<D>, 1> dgain) {
    detail::require_same("rms_norm_gradient", "x", x, "dy", dy);
    detail::require_same("rms_norm_gradient", "x", x, "dx", dx);
    detail::require_same("rms_norm_gradient", "gain", gain, "dgain", dgain);
    detail::require_shape(gain.extent(0) == x.extent(2) && inverse_rms.extent(0) == x.extent(0) * x.extent(1),
                          "rms_norm_gradient", [&] {
                              return "x is " + detail::extents(x) + ", gain " + detail::extents(gain) +
                                     ", inverse_rms " + detail::extents(inverse_rms);
                          });
    rms_norm_gradient_on(device, x, gain, inverse_rms, dy, dx, dgain);
}

}  // namespace lapidary
