#pragma once

#include <lapidary/cuda/pack.cuh>

namespace lapidary::kernels {

/// Which packs of N elements of a row are one thread's: `first`, `first + stride`, and so on.
struct Stripe {
    int first, stride;
    Index columns;
};

/// A thread's part of a row. `Held` packs stay in registers, and must suffice for the row; 0: they are read from
/// memory every time.
template <class T, int N, int Held>
struct RowPart {
    Stripe stripe;
    Words<T, N> held[Held];

    LAPIDARY_KERNEL RowPart(const T* row, Stripe own) : stripe(own) {
        LAPIDARY_UNROLL
        for (int k = 0; k < Held; ++k) held[k] = has(k) ? read_words<T, N>(row + at(k)) : Words<T, N>{};
    }
    /// Between two uses: the compiler would rather keep the floats of the first, which take twice the registers.
    LAPIDARY_KERNEL void forget_floats() {
#ifdef __CUDA_ARCH__
        LAPIDARY_UNROLL
        for (int k = 0; k < Held; ++k) {
            LAPIDARY_UNROLL
            for (int i = 0; i < static_cast<int>(sizeof held[k] / 4); ++i) asm volatile("" : "+r"(held[k].at[i]));
        }
#endif
    }
    LAPIDARY_KERNEL static constexpr int packs() { return Held; }
    /// Whether pack k is in the row at all. Those behind its end are zero.
    LAPIDARY_KERNEL bool has(int k) const { return at(k) < stripe.columns; }
    /// The first column of pack k.
    LAPIDARY_KERNEL Index at(int k) const { return (stripe.first + static_cast<Index>(k) * stripe.stride) * N; }
    LAPIDARY_KERNEL void get(int k, float (&values)[N]) const { widen(held[k], values); }
};

template <class T, int N>
struct RowPart<T, N, 0> {
    Stripe stripe;
    const T* row;

    LAPIDARY_KERNEL RowPart(const T* data, Stripe own) : stripe(own), row(data) {}
    LAPIDARY_KERNEL void forget_floats() {}
    LAPIDARY_KERNEL int packs() const {
        const Index step = static_cast<Index>(stripe.stride) * N;
        return at(0) < stripe.columns ? static_cast<int>((stripe.columns - at(0) + step - 1) / step) : 0;
    }
    LAPIDARY_KERNEL bool has(int) const { return true; }
    LAPIDARY_KERNEL Index at(int k) const { return (stripe.first + static_cast<Index>(k) * stripe.stride) * N; }
    LAPIDARY_KERNEL void get(int k, float (&values)[N]) const { load<N>(row + at(k), values); }
};

/// Sums for the columns of a thread's part of a row: in registers, or (`Held` = 0) in `room`, where each thread
/// has its columns to itself.
template <int N, int Held>
struct PartSums {
    float sums[Held][N] = {};

    LAPIDARY_KERNEL explicit PartSums(float*) {}
    template <class Part>
    LAPIDARY_KERNEL void clear(const Part&) {}
    template <class Part>
    LAPIDARY_KERNEL void add(const Part&, int k, const float (&values)[N]) {
        LAPIDARY_UNROLL
        for (int j = 0; j < N; ++j) sums[k][j] += values[j];
    }
    template <class Part>
    LAPIDARY_KERNEL void write(const Part& part, float* to) const {
        LAPIDARY_UNROLL
        for (int k = 0; k < Held; ++k) {
            if (part.has(k)) store<N>(sums[k], to + part.at(k));
        }
    }
};

template <int N>
struct PartSums<N, 0> {
    float* room;

    LAPIDARY_KERNEL explicit PartSums(float* memory) : room(memory) {}
    template <class Part>
    LAPIDARY_KERNEL void clear(const Part& part) {
        const float zeros[N] = {};
        for (int k = 0; k < part.packs(); ++k) store<N>(zeros, room + part.at(k));
    }
    template <class Part>
    LAPIDARY_KERNEL void add(const Part& part, int k, const float (&values)[N]) {
        float sums[N];
        load<N>(room + part.at(k), sums);
        LAPIDARY_UNROLL
        for (int j = 0; j < N; ++j) sums[j] += values[j];
        store<N>(sums, room + part.at(k));
    }
    template <class Part>
    LAPIDARY_KERNEL void write(const Part& part, float* to) const {
        if (to == room) return;
        for (int k = 0; k < part.packs(); ++k) {
            float sums[N];
            load<N>(room + part.at(k), sums);
            store<N>(sums, to + part.at(k));
        }
    }
};

}  // namespace lapidary::kernels
