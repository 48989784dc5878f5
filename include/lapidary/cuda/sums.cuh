#pragma once

#include <lapidary/cuda/thread.cuh>

namespace lapidary::kernels {

/// The sum over the warp, on all lanes, in one fixed order. T: float or double.
template <class Thread, class T>
LAPIDARY_KERNEL T warp_sum(Thread& thread, T value) {
    LAPIDARY_UNROLL
    for (int mask = 16; mask > 0; mask /= 2) value += thread.shuffle_xor(value, mask);
    return value;
}

template <class Thread>
LAPIDARY_KERNEL float warp_max(Thread& thread, float value) {
    LAPIDARY_UNROLL
    for (int mask = 16; mask > 0; mask /= 2) {
        const float other = thread.shuffle_xor(value, mask);
        value = other > value ? other : value;
    }
    return value;
}

/// The sum over the block, on all threads, in one fixed order. `room`: shared memory for one value a warp, which
/// may be used again after the next barrier.
template <class Thread, class T>
LAPIDARY_KERNEL T block_sum(Thread& thread, T value, T* room) {
    const T own = warp_sum(thread, value);
    if (thread.lane() == 0) room[thread.warp()] = own;
    thread.barrier();
    T total = 0;
    const int warps = thread.count() / Thread::warp_size;
    for (int w = 0; w < warps; ++w) total += room[w];
    return total;
}

/// The same of several sums at once, in place, with one barrier. `room`: one value a warp of each.
template <class Thread, class T, int Count>
LAPIDARY_KERNEL void block_sums(Thread& thread, T (&values)[Count], T* room) {
    LAPIDARY_UNROLL
    for (int i = 0; i < Count; ++i) {
        const T own = warp_sum(thread, values[i]);
        if (thread.lane() == 0) room[thread.warp() * Count + i] = own;
        values[i] = 0;
    }
    thread.barrier();
    const int warps = thread.count() / Thread::warp_size;
    for (int w = 0; w < warps; ++w) {
        LAPIDARY_UNROLL
        for (int i = 0; i < Count; ++i) values[i] += room[w * Count + i];
    }
}

}  // namespace lapidary::kernels
