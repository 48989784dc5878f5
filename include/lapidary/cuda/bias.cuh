#pragma once

#include <lapidary/cuda/column_sums.cuh>

namespace lapidary {

namespace kernels {

/// A block per `rows` rows and tile of columns, N columns a thread.
template <class T, int N>
struct AddBias {
    static constexpr int rows = 4;
    const T* bias;
    T* y;
    Index count, columns;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index first = thread.block(0) * rows;
        const Index column = (thread.block(1) * thread.count() + thread.index()) * N;
        if (column >= columns) return;
        float shift[N], values[rows][N];
        load<N>(bias + column, shift);
        LAPIDARY_UNROLL
        for (int i = 0; i < rows; ++i) {
            if (first + i < count) load<N>(y + (first + i) * columns + column, values[i]);
        }
        LAPIDARY_UNROLL
        for (int i = 0; i < rows; ++i) {
            if (first + i >= count) continue;
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) values[i][j] += shift[j];
            store<N>(values[i], y + (first + i) * columns + column);
        }
    }
};

}  // namespace kernels

template <Gpu G>
void add_bias_on(G& gpu, ConstView<Scalar<G>, 1> bias, View<Scalar<G>, 2> y) {
    using T = Scalar<G>;
    const Index rows = y.extent(0), columns = y.extent(1);
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = kernels::AddBias<T, N>;
        const int threads = kernels::threads_for(ceil_div(columns, N), 256);
        gpu.launch({.x = ceil_div(rows, Kernel::rows), .y = ceil_div(columns, threads * N), .threads = threads},
                   Kernel{bias.data, y.data, rows, columns});
    };
    if (kernels::packs_fit(y.data, columns) && kernels::packs_fit(bias.data, 0)) {
        run(std::integral_constant<int, kernels::pack_size<T>>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

template <Gpu G>
void bias_gradient_on(G& gpu, ConstView<Scalar<G>, 3> dy, View<Accumulator<G>, 1> dbias) {
    using T = Scalar<G>;
    constexpr int chunk = 64;
    const Index columns = dy.extent(2);
    const kernels::TokenChunks<chunk> chunks{dy.extent(0), dy.extent(1)};
    ScratchScope scope(gpu.scratch());
    const auto partials = accumulator_scratch(gpu, Shape<2>{chunks.count(), columns});
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        const int threads = kernels::threads_for(ceil_div(columns, N), 128);
        gpu.launch({.x = chunks.count(), .y = ceil_div(columns, threads * N), .threads = threads},
                   kernels::ColumnSums<T, N, chunk>{chunks, dy.data, partials.data, columns});
    };
    if (kernels::packs_fit(dy.data, columns)) {
        run(std::integral_constant<int, kernels::pack_size<T>>());
    } else {
        run(std::integral_constant<int, 1>());
    }
    kernels::add_partials(gpu, chunks, partials.data, dbias);
}

}  // namespace lapidary
