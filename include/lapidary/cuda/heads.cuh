#pragma once

#include <lapidary/cuda/map.cuh>
#include <lapidary/ops/heads.hpp>

namespace lapidary::kernels {

/// The heads at one position of one sequence, for the block of that number.
template <class T>
LAPIDARY_KERNEL T* heads_at(const Heads<T>& x, Index position) {
    return x.data + position / x.time * x.batch_stride + position % x.time * x.time_stride;
}

/// Whether all heads may be read N elements at a time.
template <int N, class T>
bool heads_fit(const Heads<T>& x) {
    return fits<N>(x.data, x.size) && x.batch_stride % N == 0 && x.time_stride % N == 0 && x.head_stride % N == 0;
}

/// A block per position of a sequence.
template <class T, int N>
struct CopyHeads {
    Heads<const T> x;
    Heads<T> y;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const T* const from = heads_at(x, thread.block(0));
        T* const to = heads_at(y, thread.block(0));
        const auto packs = static_cast<int>(x.size / N), items = static_cast<int>(x.heads) * packs;
        for (int item = thread.index(); item < items; item += thread.count()) {
            const int head = item / packs, i = item % packs * N;
            Elements<T, N> values;
            values.load(from + head * x.head_stride + i);
            values.store(to + head * y.head_stride + i);
        }
    }
};

/// A block's threads for so many things to do.
inline int threads_for(Index items) {
    return static_cast<int>(items >= 256 ? 256 : items <= 32 ? 32 : round_up(items, 32));
}

}  // namespace lapidary::kernels
