#pragma once

#include <lapidary/cuda/norm.cuh>
#include <lapidary/cuda/norm_gradient.cuh>

namespace lapidary {

template <Gpu G>
void rms_norm_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 1> gain, double epsilon,
                 View<Scalar<G>, 2> y, View<Accumulator<G>, 1> inverse_rms) {
    kernels::normalize<false>(gpu, x, gain, {}, epsilon, y, nullptr, inverse_rms.data);
}

template <Gpu G>
void rms_norm_gradient_on(G& gpu, ConstView<Scalar<G>, 3> x, ConstView<Scalar<G>, 1> gain,
                          ConstView<Accumulator<G>, 1> inverse_rms, ConstView<Scalar<G>, 3> dy,
                          View<Scalar<G>, 3> dx, View<Accumulator<G>, 1> dgain) {
    kernels::norm_gradient<false>(gpu, x, gain, nullptr, inverse_rms.data, dy, dx, dgain, {});
}

}  // namespace lapidary
