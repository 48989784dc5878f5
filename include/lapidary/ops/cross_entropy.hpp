#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

#include <cstdint>

namespace lapidary {

/// losses[n] = log(sum_v exp(logits[n, v])) - logits[n, targets[n]], in nats.
///
/// logits: [N, V]; targets: [N], each below V; a negative one is not counted: its loss is 0. losses: [N].
template <Device D>
void cross_entropy(D& device, ConstView<Scalar<D>, 2> logits, ConstView<std::int32_t, 1> targets,
                   View<Accumulator<D>, 1> losses) {
    detail::require_shape(logits.extent(0) == targets.extent(0) && logits.extent(0) == losses.extent(0),
                          "cross_entropy", [&] {
                              return "logits are " + detail::extents(logits) + ", targets " +
                                     detail::extents(targets) + ", losses " + detail::extents(losses);
                          });
    cross_entropy_on(device, logits, targets, losses);
}

/// As `cross_entropy`, and turns the logits into their gradient in place: scale * (softmax(logits) -
/// one_hot(target)), or 0 where the target is not counted.
template <Device D>
void cross_entropy_gradient(D& device, View<Scalar<D>, 2> logits, ConstView<std::int32_t, 1> targets,
                            View<Accumulator<D>, 1> losses, double scale) {
    detail::require_shape(logits.extent(0) == targets.extent(0) && logits.extent(0) == losses.extent(0),
                          "cross_entropy_gradient", [&] {
                              return "logits are " + detail::extents(logits) + ", targets " +
                                     detail::extents(targets) + ", losses " + detail::extents(losses);
                          });
    cross_entropy_gradient_on(device, logits, targets, losses, scale);
}

}  // namespace lapidary
