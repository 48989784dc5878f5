#pragma once

#include <lapidary/cuda/map.cuh>
#include <lapidary/cuda/ops.hpp>

#include <algorithm>

namespace lapidary {

namespace kernels {

/// Consecutive parts of a matrix of blocks, as many as a launch takes.
struct BlockParts {
    static constexpr int most = 8;

    Index first[most], end[most];  ///< rows of each
    Index before[most];            ///< compact rows before each
    int count = 0;
};

/// A thread per N elements of the columns that these parts have: `width` of the matrix's, from `column` on.
template <class T, int N>
struct SpreadBlocks {
    static constexpr int threads = 256;

    BlockParts parts;
    const T* compact;
    T* full;
    Index rank, rows, columns, column, width;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index at = (thread.block(0) * threads + thread.index()) * N;
        const Index row = at / width, own = at % width;
        if (row >= rows) return;
        const Index part = own / rank;
        Elements<T, N> values = {};
        if (row >= parts.first[part] && row < parts.end[part]) {
            values.load(compact + (parts.before[part] + row - parts.first[part]) * rank + own % rank);
        }
        values.store(full + row * columns + column + own);
    }
};

/// A thread per N elements of the compact rows of these parts.
template <class T, int N>
struct PickBlocks {
    static constexpr int threads = 256;

    BlockParts parts;
    const T* full;
    T* compact;
    Index rank, columns, column, end;  // the first compact row after the parts

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index at = (thread.block(0) * threads + thread.index()) * N;
        const Index row = parts.before[0] + at / rank, own = at % rank;
        if (row >= end) return;
        int part = 0;
        while (part + 1 < parts.count && parts.before[part + 1] <= row) ++part;
        Elements<T, N> values;
        const Index from = parts.first[part] + row - parts.before[part];
        values.load(full + from * columns + column + part * rank + own);
        values.store(compact + row * rank + own);
    }
};

/// Calls `launch(some, column, compact rows of them)` for all parts, some at a time; `column`: the first of
/// theirs.
template <class Launch>
void for_block_parts(std::span<const Range> parts, Index rank, Launch&& launch) {
    Index before = 0;
    for (std::size_t first = 0; first < parts.size(); first += BlockParts::most) {
        BlockParts some{};
        const Index begin = before;
        for (const Range& part :
             parts.subspan(first, std::min<std::size_t>(BlockParts::most, parts.size() - first))) {
            some.first[some.count] = part.first;
            some.end[some.count] = part.end();
            some.before[some.count++] = before;
            before += part.count;
        }
        launch(some, static_cast<Index>(first) * rank, before - begin);
    }
}

}  // namespace kernels

template <Gpu G, class T>
void spread_blocks_on(G& gpu, ConstView<T, 2> compact, std::span<const Range> parts, View<T, 2> full) {
    const Index rank = compact.extent(1), rows = full.extent(0), columns = full.extent(1);
    if (full.empty()) return;
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = kernels::SpreadBlocks<T, N>;
        kernels::for_block_parts(parts, rank, [&](const kernels::BlockParts& some, Index column, Index) {
            const Index width = some.count * rank;
            gpu.launch({.x = ceil_div(rows * width, Index{Kernel::threads} * N), .threads = Kernel::threads},
                       Kernel{some, compact.data, full.data, rank, rows, columns, column, width});
        });
    };
    constexpr int pack = kernels::pack_size<T>;
    if (kernels::fits<pack>(compact.data, rank) && kernels::fits<pack>(full.data, rank)) {
        run(std::integral_constant<int, pack>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

template <Gpu G, class T>
void pick_blocks_on(G& gpu, ConstView<T, 2> full, std::span<const Range> parts, View<T, 2> compact) {
    const Index rank = compact.extent(1), columns = full.extent(1);
    if (compact.empty()) return;
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = kernels::PickBlocks<T, N>;
        kernels::for_block_parts(parts, rank, [&](const kernels::BlockParts& some, Index column, Index count) {
            gpu.launch({.x = ceil_div(count * rank, Index{Kernel::threads} * N), .threads = Kernel::threads},
                       Kernel{some, full.data, compact.data, rank, columns, column, some.before[0] + count});
        });
    };
    constexpr int pack = kernels::pack_size<T>;
    if (kernels::fits<pack>(compact.data, rank) && kernels::fits<pack>(full.data, rank)) {
        run(std::integral_constant<int, pack>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

}  // namespace lapidary
