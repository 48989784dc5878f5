#pragma once

#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/pack.cuh>
#include <lapidary/cuda/sums.cuh>

#include <cmath>

namespace lapidary {

namespace kernels {

/// A block per row. N: elements of an access.
template <class T, int N>
struct RmsNorm {
    const T* x;
    const T* gain;
    float epsilon;
    T* y;
    float* inverse_rms;
    Index columns;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const T* const row = x + thread.block(0) * columns;
        float squares = 0;
        for (Index i = thread.index() * N; i < columns; i += thread.count() * N) {
            float values[N];
            load<N>(row + i, values);
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) squares += values[j] * values[j];
        }
        const float total = block_sum(thread, squares, thread.template shared<float>());
        const float inverse = 1.0F / sqrtf(total / static_cast<float>(columns) + epsilon);
        if (thread.index() == 0) inverse_rms[thread.block(0)] = inverse;
        for (Index i = thread.index() * N; i < columns; i += thread.count() * N) {  // once more, from the cache
            float values[N], gains[N];
            load<N>(row + i, values);
            load<N>(gain + i, gains);
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) values[j] = values[j] * inverse * gains[j];
            store<N>(values, y + thread.block(0) * columns + i);
        }
    }
};

}  // namespace kernels

template <Gpu G>
void rms_norm_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 1> gain, double epsilon,
                 View<Scalar<G>, 2> y, View<Accumulator<G>, 1> inverse_rms) {
    using T = Scalar<G>;
    const LaunchShape shape{.x = x.extent(0), .threads = 256, .shared = 8 * sizeof(float)};
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        gpu.launch(shape, kernels::RmsNorm<T, N>{x.data, gain.data, static_cast<float>(epsilon), y.data,
                                                 inverse_rms.data, x.extent(1)});
    };
    if (kernels::packs_fit(x.data, x.extent(1)) && kernels::packs_fit(gain.data, 0) &&
        kernels::packs_fit(y.data, 0)) {
        run(std::integral_constant<int, kernels::pack_size<T>>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

}  // namespace lapidary
