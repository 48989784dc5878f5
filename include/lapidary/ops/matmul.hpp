#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/accumulation.hpp>
#include <lapidary/ops/check.hpp>
#include <lapidary/ops/elementwise.hpp>

namespace lapidary {

/// A linear layer's product, y = x w^T (with Store::add: y += x w^T).
///
/// x: [N, K] inputs; w: [M, K], one row per output; y: [N, M]. Sums over K follow `accumulation_block`; an element
/// depends on its row of x and its row of w alone.
template <Device D>
void matmul(D& device, ConstView<Scalar<D>, 2> x, ConstView<Scalar<D>, 2> w, View<Scalar<D>, 2> y,
            Store store = Store::assign) {
    detail::require_shape(x.extent(1) == w.extent(1), "matmul", [&] {
        return "inner extents differ: x is " + detail::extents(x) + ", w is " + detail::extents(w);
    });
    detail::require_shape(y.extent(0) == x.extent(0) && y.extent(1) == w.extent(0), "matmul", [&] {
        return "x " + detail::extents(x) + " times w " + detail::extents(w) + " does not give y " +
               detail::extents(y);
    });
    matmul_on(device, x, w, y, store);
}

/// y = addend + x w^T, what a residual path needs. Shapes as in `matmul`; addend: [N, M], not y.
///
/// A device that can adds before it rounds (`matmul_add_on`); elsewhere it is the product, then the sum.
template <Device D>
void matmul_add(D& device, ConstView<Scalar<D>, 2> x, ConstView<Scalar<D>, 2> w, ConstView<Scalar<D>, 2> addend,
                View<Scalar<D>, 2> y) {
    detail::require_same("matmul_add", "addend", addend, "y", y);
    if constexpr (requires { matmul_add_on(device, x, w, addend, y); }) {
        detail::require_shape(
            x.extent(1) == w.extent(1) && y.extent(0) == x.extent(0) && y.extent(1) == w.extent(0), "matmul_add",
            [&] {
                return "x " + detail::extents(x) + " times w " + detail::extents(w) + " does not give y " +
                       detail::extents(y);
            });
        matmul_add_on(device, x, w, addend, y);
    } else {
        matmul(device, x, w, y);
        add(device, addend.flat(), y.flat(), y.flat());
    }
}

/// The gradient of `matmul` with respect to its input, dx = dy w (with Store::add: dx += dy w).
///
/// dy: [N, M]; w: [M, K]; dx: [N, K]. Sums over M follow `accumulation_block`.
template <Device D>
void matmul_input_gradient(D& device, ConstView<Scalar<D>, 2> dy, ConstView<Scalar<D>, 2> w, View<Scalar<D>, 2> dx,
                           Store store = Store::assign) {
    detail::require_shape(dy.extent(1) == w.extent(0), "matmul_input_gradient", [&] {
        return "inner extents differ: dy is " + detail::extents(dy) + ", w is " + detail::extents(w);
    });
    detail::require_shape(dx.extent(0) == dy.extent(0) && dx.extent(1) == w.extent(1), "matmul_input_gradient",
                          [&] {
                              return "dy " + detail::extents(dy) + " times w " + detail::extents(w) +
                                     " does not give dx " + detail::extents(dx);
                          });
    matmul_input_gradient_on(device, dy, w, dx, store);
}

/// The gradient of `matmul` with respect to its weights, dw += dy^T x, sequence after sequence.
///
/// dy: [B, T, M]; x: [B, T, K]; dw: [M, K]. Sums over tokens follow `accumulation_block` with blocks that start
/// anew at each sequence.
template <Device D>
void matmul_weight_gradient(D& device, ConstView<Scalar<D>, 3> dy, ConstView<Scalar<D>, 3> x,
                            View<Accumulator<D>, 2> dw) {
    detail::require_shape(
        dy.extent(0) == x.extent(0) && dy.extent(1) == x.extent(1), "matmul_weight_gradient",
        [&] { return "tokens differ: dy is " + detail::extents(dy) + ", x is " + detail::extents(x); });
    detail::require_shape(dw.extent(0) == dy.extent(2) && dw.extent(1) == x.extent(2), "matmul_weight_gradient",
                          [&] {
                              return "dy " + detail::extents(dy) + " and x " + detail::extents(x) +
                                     " do not give dw " + detail::extents(dw);
                          });
    matmul_weight_gradient_on(device, dy, x, dw);
}

}  // namespace lapidary
