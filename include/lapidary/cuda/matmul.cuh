#pragma once

#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/padded_product.cuh>

namespace lapidary {

template <Gpu G>
void matmul_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 2> w, View<Scalar<G>, 2> y, Store store) {
    matmul_add_on(gpu, x, w, store == Store::add ? ConstView<Scalar<G>, 2>(y) : ConstView<Scalar<G>, 2>(), y);
}

/// An addend without memory counts as zeros.
template <Gpu G>
void matmul_add_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 2> w, ConstView<Scalar<G>, 2> addend,
                   View<Scalar<G>, 2> y) {
    using T = Scalar<G>;
    kernels::multiply(gpu, Product<T, T>{.rows = x.extent(0),
                                         .columns = w.extent(0),
                                         .depth = x.extent(1),
                                         .left = x.data,
                                         .left_transposed = false,
                                         .right = w.data,
                                         .right_transposed = true,
                                         .out = y.data,
                                         .addend = addend.data});
}

template <Gpu G>
void matmul_input_gradient_on(G& gpu, ConstView<Scalar<G>, 2> dy, ConstView<Scalar<G>, 2> w, View<Scalar<G>, 2> dx,
                              Store store) {
    using T = Scalar<G>;
    kernels::multiply(gpu, Product<T, T>{.rows = dy.extent(0),
                                         .columns = w.extent(1),
                                         .depth = dy.extent(1),
                                         .left = dy.data,
                                         .left_transposed = false,
                                         .right = w.data,
                                         .right_transposed = false,
                                         .out = dx.data,
                                         .addend = store == Store::add ? dx.data : nullptr});
}

/// One product over all tokens of the micro-batch, whose size therefore is among what fixes the bits on a GPU.
template <Gpu G>
void matmul_weight_gradient_on(G& gpu, ConstView<Scalar<G>, 3> dy, ConstView<Scalar<G>, 3> x,
                               View<Accumulator<G>, 2> dw) {
    kernels::multiply(gpu, Product<Scalar<G>, Accumulator<G>>{.rows = dw.extent(0),
                                                              .columns = dw.extent(1),
                                                              .depth = dy.extent(0) * dy.extent(1),
                                                              .left = dy.data,
                                                              .left_transposed = true,
                                                              .right = x.data,
                                                              .right_transposed = false,
                                                              .out = dw.data,
                                                              .addend = dw.data});
}

}  // namespace lapidary
