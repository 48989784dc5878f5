#pragma once

#include <lapidary/core/host_device.hpp>
#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/pack.cuh>

// Sums over tokens for every column, in an order that depends on the shape alone: the tokens of a sequence are cut
// into blocks of `accumulation_block`, as everywhere, and a block into chunks of a few rows. A thread adds the
// rows of a chunk in order and leaves a partial sum; AddPartials adds the partial sums of a block in order,
// starting from zero, and the blocks in order to the result. So a gradient does not depend on how many sequences a
// micro-batch holds, nor on how many processors the GPU has.

namespace lapidary::kernels {

/// The tokens of `sequences` of `time` each, in chunks of at most `Rows` that start anew at each sequence.
template <int Rows>
struct TokenChunks {
    static_assert(accumulation_block % Rows == 0);
    static constexpr int in_block = static_cast<int>(accumulation_block) / Rows;
    Index sequences, time;

    LAPIDARY_HOST_DEVICE Index in_sequence() const { return (time + Rows - 1) / Rows; }
    LAPIDARY_HOST_DEVICE Index count() const { return sequences * in_sequence(); }
    LAPIDARY_HOST_DEVICE Index blocks_in_sequence() const {
        return (time + accumulation_block - 1) / accumulation_block;
    }
    LAPIDARY_HOST_DEVICE Index blocks() const { return sequences * blocks_in_sequence(); }
    /// The rows of a chunk: from `first` on, before `end`.
    LAPIDARY_HOST_DEVICE Index first(Index chunk) const {
        return chunk / in_sequence() * time + chunk % in_sequence() * Rows;
    }
    LAPIDARY_HOST_DEVICE Index end(Index chunk) const {
        const Index full = first(chunk) + Rows, last = (chunk / in_sequence() + 1) * time;
        return full < last ? full : last;
    }
};

/// target[c] += the partial sums [chunks, columns] of column c. A lane per column, a warp per block of tokens.
template <int Rows>
struct AddPartials {
    TokenChunks<Rows> chunks;
    const float* partials;
    float* target;
    Index columns;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index column = thread.block(0) * Thread::warp_size + thread.lane();
        const Index blocks = chunks.blocks();
        const int warps = thread.count() / Thread::warp_size;
        float* const room = thread.template shared<float>();
        const bool adds = thread.warp() == 0 && column < columns;
        float total = adds ? target[column] : 0.0F;
        for (Index first = 0; first < blocks; first += warps) {
            const Index block = first + thread.warp();
            if (column < columns && block < blocks) room[thread.index()] = sum(block, column);
            thread.barrier();
            for (int w = 0; adds && w < warps && first + w < blocks; ++w)
                total += room[w * Thread::warp_size + thread.lane()];
            thread.barrier();
        }
        if (adds) target[column] = total;
    }

    LAPIDARY_KERNEL float sum(Index block, Index column) const {
        constexpr int count = TokenChunks<Rows>::in_block;
        const Index sequence = block / chunks.blocks_in_sequence();
        const Index begin = block % chunks.blocks_in_sequence() * count;
        const float* const from = partials + (sequence * chunks.in_sequence() + begin) * columns + column;
        float parts[count];
        LAPIDARY_UNROLL
        for (int i = 0; i < count; ++i) parts[i] = begin + i < chunks.in_sequence() ? from[i * columns] : 0.0F;
        float total = 0;
        LAPIDARY_UNROLL
        for (int i = 0; i < count; ++i) total += parts[i];
        return total;
    }
};

template <int Rows, Gpu G>
void add_partials(G& gpu, TokenChunks<Rows> chunks, const float* partials, View<float, 1> target) {
    const Index warps = std::min<Index>(chunks.blocks(), 16);
    if (warps == 0) return;
    const LaunchShape shape{.x = ceil_div(target.size(), 32),
                            .threads = static_cast<int>(32 * warps),
                            .shared = static_cast<std::size_t>(32 * warps) * sizeof(float)};
    gpu.launch(shape, AddPartials<Rows>{chunks, partials, target.data, target.size()});
}

/// Partial sums of the columns of x, which has `columns`: a block per chunk and tile of columns, N a thread.
template <class T, int N, int Rows>
struct ColumnSums {
    TokenChunks<Rows> chunks;
    const T* x;
    float* partials;
    Index columns;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        constexpr int group = 8;  // rows that are read at once
        const Index chunk = thread.block(0), end = chunks.end(chunk);
        const Index column = (thread.block(1) * thread.count() + thread.index()) * N;
        if (column >= columns) return;
        float sums[N] = {};
        Index n = chunks.first(chunk);
        for (; n + group <= end; n += group) {
            LAPIDARY_UNROLL
            for (int i = 0; i < group; ++i) add(x + (n + i) * columns + column, sums);
        }
        for (; n < end; ++n) add(x + n * columns + column, sums);
        store<N>(sums, partials + chunk * columns + column);
    }

    static LAPIDARY_KERNEL void add(const T* from, float (&sums)[N]) {
        float values[N];
        load<N>(from, values);
        LAPIDARY_UNROLL
        for (int j = 0; j < N; ++j) sums[j] += values[j];
    }
};

/// Whole warps for `items`, one each, at most `limit` threads.
inline int threads_for(Index items, int limit) {
    return static_cast<int>(std::min<Index>(std::max<Index>(ceil_div(items, 32), 1) * 32, limit));
}

}  // namespace lapidary::kernels
