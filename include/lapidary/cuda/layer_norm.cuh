#pragma once

#include <lapidary/cuda/norm.cuh>
#include <lapidary/cuda/norm_gradient.cuh>

namespace lapidary {

template <Gpu G>
void layer_norm_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 1> gain, ConstView<Scalar<G>, 1> bias,
                   double epsilon, View<Scalar<G>, 2> y, RowStatistics<Accumulator<G>> rows) {
    kernels::normalize<true>(gpu, x, gain, bias, epsilon, y, rows.mean.data, rows.inverse_deviation.data);
}

template <Gpu G>
void layer_norm_gradient_on(G& gpu, ConstView<Scalar<G>, 3> x, ConstView<Scalar<G>, 1> gain,
                            RowStatistics<Accumulator<G>> rows, ConstView<Scalar<G>, 3> dy, View<Scalar<G>, 3> dx,
                            View<Accumulator<G>, 1> dgain, View<Accumulator<G>, 1> dbias) {
    kernels::norm_gradient<true>(gpu, x, gain, rows.mean.data, rows.inverse_deviation.data, dy, dx, dgain, dbias);
}

}  // namespace lapidary
