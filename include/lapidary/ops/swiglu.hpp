#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// out = silu(gate) * up, where a row of `gate_up` holds the gate's F columns, then the other F.
///
/// gate_up: [N, 2F]; out: [N, F]. Source: Shazeer, "GLU variants improve transformer", 2020.
template <Device D>
void swiglu(D& device, ConstView<Scalar<D>, 2> gate_up, View<Scalar<D>, 2> out) {
    detail::require_shape(
        gate_up.extent(0) == out.extent(0) && gate_up.extent(1) == 2 * out.extent(1), "swiglu",
        [&] { return "gate_up is " + detail::extents(gate_up) + ", out is " + detail::extents(out); });
    swiglu_on(device, gate_up, out);
}

/// The gradient of `swiglu`; overwrites dgate_up. gate_up, dgate_up: [N, 2F]; dout: [N, F].
template <Device D>
void swiglu_gradient(D& device, ConstView<Scalar<D>, 2> gate_up, ConstView<Scalar<D>, 2> dout,
                     View<Scalar<D>, 2> dgate_up) {
    detail::require_same("swiglu_gradient", "gate_up", gate_up, "dgate_up", dgate_up);
    detail::require_shape(
        gate_up.extent(0) == dout.extent(0) && gate_up.extent(1) == 2 * dout.extent(1), "swiglu_gradient",
        [&] { return "gate_up is " + detail::extents(gate_up) + ", dout is " + detail::extents(dout); });
    swiglu_gradient_on(device, gate_up, dout, dgate_up);
}

}  // namespace lapidary
