#pragma once

#include <lapidary/cuda/thread.cuh>

#include <cstring>

namespace lapidary::kernels {

/// Elements of T in one 16-byte access.
template <class T>
inline constexpr int pack_size = static_cast<int>(16 / sizeof(T));

/// N elements that are read or written in one access; at most 16 bytes.
template <class T, int N>
struct alignas(N * sizeof(T)) Pack {
    T at[N];
};

/// Two floats as bf16, the first in the low half, each rounded to nearest even.
LAPIDARY_KERNEL std::uint32_t pack_bf16(float low, float high) {
#ifdef __CUDA_ARCH__
    std::uint32_t result;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    return result;
#else
    return bf16(low).bits | static_cast<std::uint32_t>(bf16(high).bits) << 16;
#endif
}

LAPIDARY_KERNEL float to_float(float value) { return value; }
LAPIDARY_KERNEL float to_float(bf16 value) { return static_cast<float>(value); }
template <class T>
LAPIDARY_KERNEL T from_float(float value) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return value;
    } else {
        return bf16::from_bits(static_cast<std::uint16_t>(pack_bf16(value, 0.0F)));
    }
}

/// N elements in one access (two, for eight floats), as floats. `from` is aligned to them.
template <int N, class T>
LAPIDARY_KERNEL void load(const T* from, float (&to)[N]) {
    constexpr int each = N < pack_size<T> ? N : pack_size<T>;
    LAPIDARY_UNROLL
    for (int part = 0; part < N; part += each) {
        const auto pack = *reinterpret_cast<const Pack<T, each>*>(from + part);
        LAPIDARY_UNROLL
        for (int i = 0; i < each; ++i) to[part + i] = to_float(pack.at[i]);
    }
}

/// The reverse; each element is rounded once.
template <int N, class T>
LAPIDARY_KERNEL void store(const float (&from)[N], T* to) {
    constexpr int each = N < pack_size<T> ? N : pack_size<T>;
    LAPIDARY_UNROLL
    for (int part = 0; part < N; part += each) {
        Pack<T, each> pack;
        LAPIDARY_UNROLL
        for (int i = 0; i < each; ++i) pack.at[i] = from_float<T>(from[part + i]);
        *reinterpret_cast<Pack<T, each>*>(to + part) = pack;
    }
}

/// Whether rows of `columns` elements that begin at `first` may be read in packs of 16 bytes.
template <class T>
bool packs_fit(const T* first, Index columns) {
    return columns % pack_size<T> == 0 && reinterpret_cast<std::uintptr_t>(first) % 16 == 0;
}

}  // namespace lapidary::kernels
