#pragma once

#include <lapidary/cuda/column_sums.cuh>
#include <lapidary/cuda/row_part.cuh>
#include <lapidary/cuda/sums.cuh>

namespace lapidary::kernels {

/// y = (x - mean) inverse gain + bias, where inverse = 1 / sqrt(mean of (x - mean)^2 + epsilon): a layer norm if
/// `Centred`, else an RMS norm, whose mean is taken for zero. A warp per row if `Short`, else a block. `Held`:
/// packs of N elements that a thread keeps, so that rows are read once.
template <class T, int N, int Held, bool Centred, bool Short>
struct Norm {
    const T* x;
    const T* gain;
    const T* bias;  // null: none
    float epsilon;
    T* y;
    float* means;  // null unless Centred
    float* inverses;
    Index rows, columns;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const int warps = thread.count() / Thread::warp_size;
        const Index n = Short ? thread.block(0) * warps + thread.warp() : thread.block(0);
        if (Short && n >= rows) return;
        const int first = Short ? thread.lane() : thread.index();
        RowPart<T, N, Held> row(x + n * columns, {first, Short ? Thread::warp_size : thread.count(), columns});
        float* const room = thread.template shared<float>();

        float mean = 0;
        if constexpr (Centred) {
            float sum = 0;
            LAPIDARY_UNROLL
            for (int k = 0; k < row.packs(); ++k) {
                float values[N];
                row.get(k, values);  // zeros behind the end
                LAPIDARY_UNROLL
                for (int j = 0; j < N; ++j) sum += values[j];
            }
            mean = total(thread, sum, room) / static_cast<float>(columns);
        }
        row.forget_floats();
        float squares = 0;
        LAPIDARY_UNROLL
        for (int k = 0; k < row.packs(); ++k) {
            if (!row.has(k)) continue;
            float values[N];
            row.get(k, values);
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) squares += (values[j] - mean) * (values[j] - mean);
        }
        row.forget_floats();
        const float variance = total(thread, squares, room + warps) / static_cast<float>(columns);
        const float inverse = 1.0F / sqrtf(variance + epsilon);
        if (first == 0) {
            if constexpr (Centred) means[n] = mean;
            inverses[n] = inverse;
        }
        LAPIDARY_UNROLL
        for (int k = 0; k < row.packs(); ++k) {
            if (!row.has(k)) continue;
            float values[N], gains[N], shift[N] = {};
            row.get(k, values);
            load<N>(gain + row.at(k), gains);
            if (bias != nullptr) load<N>(bias + row.at(k), shift);
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) values[j] = (values[j] - mean) * inverse * gains[j] + shift[j];
            store<N>(values, y + n * columns + row.at(k));
        }
    }

    template <class Thread>
    static LAPIDARY_KERNEL float total(Thread& thread, float value, float* room) {
        if constexpr (Short) {
            return warp_sum(thread, value);
        } else {
            return block_sum(thread, value, room);
        }
    }
};

/// Runs Norm on all rows in the form that suits their width. `means` null: an RMS norm.
template <bool Centred, Gpu G>
void normalize(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 1> gain, ConstView<Scalar<G>, 1> bias,
               double epsilon, View<Scalar<G>, 2> y, float* means, float* inverses) {
    using T = Scalar<G>;
    constexpr int pack = pack_size<T>, held = 4, warps = 8;
    const Index rows = x.extent(0), columns = x.extent(1), packs = columns / pack;
    const T* const shift = bias.empty() ? nullptr : bias.data;
    const auto run = [&]<int N, int Held, bool Short>(Norm<T, N, Held, Centred, Short>*, Index blocks,
                                                      int threads) {
        gpu.launch({.x = blocks,
                    .threads = threads,
                    .shared = static_cast<std::size_t>(threads / 32 * 2) * sizeof(float)},
                   Norm<T, N, Held, Centred, Short>{x.data, gain.data, shift, static_cast<float>(epsilon), y.data,
                                                    means, inverses, rows, columns});
    };
    if (!packs_fit(x.data, columns) || !packs_fit(gain.data, 0) || !packs_fit(shift, 0) || !packs_fit(y.data, 0)) {
        run(static_cast<Norm<T, 1, 0, Centred, false>*>(nullptr), rows, threads_for(columns, 512));
    } else if (packs <= 32 * held) {
        run(static_cast<Norm<T, pack, held, Centred, true>*>(nullptr), ceil_div(rows, warps), 32 * warps);
    } else if (packs <= 1024 * held) {
        run(static_cast<Norm<T, pack, held, Centred, false>*>(nullptr), rows,
            threads_for(ceil_div(packs, held), 1024));
    } else {
        run(static_cast<Norm<T, pack, 0, Centred, false>*>(nullptr), rows, 512);
    }
}

}  // namespace lapidary::kernels
