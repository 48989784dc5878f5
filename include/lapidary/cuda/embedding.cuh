#pragma once

#include <lapidary/cuda/map.cuh>
#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/sums.cuh>

namespace lapidary {

namespace kernels {

/// to[n] = table[ids[n]].
template <class T, int N>
struct Embed {
    static constexpr int parts = 2;
    using Pieces = RowPieces<N, parts>;

    Pieces pieces;
    const T* table;
    const std::int32_t* ids;
    T* to;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index row = pieces.row(thread), first = pieces.first(thread);
        const T* const from = table + ids[row] * pieces.columns;
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * Pieces::step;
            if (i >= pieces.columns) continue;
            Elements<T, N> values;
            values.load(from + i);
            values.store(to + row * pieces.columns + i);
        }
    }
};

/// Sorts tokens by id, equal ones in their order. A warp counts for one token how many come before it, which is
/// its place. order[place] is the token; run[place]: how many have its id if it is their first, else 0.
struct SortTokens {
    static constexpr int threads = 256;

    const std::int32_t* ids;
    Index count;
    std::int32_t* order;
    std::int32_t* run;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index n = thread.block(0) * (threads / Thread::warp_size) + thread.warp();
        if (n >= count) return;
        const std::int32_t id = ids[n];
        int smaller = 0, equal = 0, earlier = 0;
        for (Index m = thread.lane(); m < count; m += Thread::warp_size) {
            const std::int32_t other = ids[m];
            smaller += other < id ? 1 : 0;
            equal += other == id ? 1 : 0;
            earlier += other == id && m < n ? 1 : 0;
        }
        smaller = warp_sum(thread, smaller);
        equal = warp_sum(thread, equal);
        earlier = warp_sum(thread, earlier);
        if (thread.lane() == 0) {
            order[smaller + earlier] = static_cast<std::int32_t>(n);
            run[smaller + earlier] = earlier == 0 ? equal : 0;
        }
    }
};

/// Blocks along x: places in the order of tokens. The first place of an id adds the rows of all its tokens, one
/// after the other; along y: pieces of the rows.
template <class T, int N>
struct AddTokens {
    static constexpr int threads = 128, together = 4;

    const std::int32_t* ids;
    const std::int32_t* order;
    const std::int32_t* run;
    const T* dout;
    float* dtable;
    Index columns, frozen_row;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const int tokens = run[thread.block(0)];
        const Index column = (thread.block(1) * threads + thread.index()) * N;
        if (tokens == 0 || column >= columns) return;
        const std::int32_t* const own = order + thread.block(0);
        const Index id = ids[own[0]];
        if (id == frozen_row) return;
        float sums[N];
        load<N>(dtable + id * columns + column, sums);
        for (int first = 0; first < tokens; first += together) {
            float rows[together][N];
            LAPIDARY_UNROLL
            for (int k = 0; k < together; ++k) {
                if (first + k < tokens) load<N>(dout + own[first + k] * columns + column, rows[k]);
            }
            LAPIDARY_UNROLL
            for (int k = 0; k < together; ++k) {
                if (first + k >= tokens) continue;
                LAPIDARY_UNROLL
                for (int j = 0; j < N; ++j) sums[j] += rows[k][j];
            }
        }
        store<N>(sums, dtable + id * columns + column);
    }
};

}  // namespace kernels

template <Gpu G>
void embedding_on(G& gpu, ConstView<Scalar<G>, 2> table, ConstView<std::int32_t, 1> ids, View<Scalar<G>, 2> out) {
    using T = Scalar<G>;
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = kernels::Embed<T, N>;
        const typename Kernel::Pieces pieces(table.extent(1));
        gpu.launch(pieces.shape(ids.size()), Kernel{pieces, table.data, ids.data, out.data});
    };
    if (kernels::packs_fit(table.data, table.extent(1)) && kernels::packs_fit(out.data, 0)) {
        run(std::integral_constant<int, kernels::pack_size<T>>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

/// Takes scratch for two integers a token.
template <Gpu G>
void embedding_gradient_on(G& gpu, ConstView<std::int32_t, 1> ids, ConstView<Scalar<G>, 2> dout,
                           View<Accumulator<G>, 2> dtable, Index frozen_row) {
    using T = Scalar<G>;
    using Sort = kernels::SortTokens;
    const Index count = ids.size(), columns = dtable.extent(1);
    const ScratchScope scope(gpu.scratch());
    const auto places = gpu.scratch().template allocate<std::int32_t>(Shape<2>{2, count});
    std::int32_t* const order = places.at(0).data;
    std::int32_t* const run_lengths = places.at(1).data;
    gpu.launch({.x = ceil_div(count, Sort::threads / 32), .threads = Sort::threads},
               Sort{ids.data, count, order, run_lengths});
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = kernels::AddTokens<T, N>;
        gpu.launch({.x = count, .y = ceil_div(columns, Index{Kernel::threads} * N), .threads = Kernel::threads},
                   Kernel{ids.data, order, run_lengths, dout.data, dtable.data, columns, frozen_row});
    };
    if (kernels::packs_fit(dout.data, columns) && kernels::packs_fit(dtable.data, columns)) {
        run(std::integral_constant<int, kernels::pack_size<T>>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

}  // namespace lapidary
