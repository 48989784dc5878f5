#pragma once

#include <lapidary/cuda/thread.cuh>
#include <lapidary/cuda/words.cuh>

namespace lapidary::kernels {

/// Elements of T in one 16-byte access.
template <class T>
inline constexpr int pack_size = static_cast<int>(16 / sizeof(T));

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

/// Element i of T of what `load_words` has read.
template <class T, int Count>
LAPIDARY_KERNEL T element(const std::uint32_t (&words)[Count], int i) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return __builtin_bit_cast(T, words[i]);
    } else {
        return bf16::from_bits(static_cast<std::uint16_t>(words[i / 2] >> 16 * (i % 2)));
    }
}

/// N elements in one access (two, for eight floats), as floats. `from` is aligned to them.
template <int N, class T>
LAPIDARY_KERNEL void load(const T* from, float (&to)[N]) {
    constexpr int each = N < pack_size<T> ? N : pack_size<T>;
    if constexpr (each * sizeof(T) < 4) {
        to[0] = to_float(*from);
    } else {
        LAPIDARY_UNROLL
        for (int part = 0; part < N; part += each) {
            std::uint32_t words[each * sizeof(T) / 4];
            load_words(from + part, words);
            LAPIDARY_UNROLL
            for (int i = 0; i < each; ++i) to[part + i] = to_float(element<T>(words, i));
        }
    }
}

/// The reverse; each element is rounded once.
template <int N, class T>
LAPIDARY_KERNEL void store(const float (&from)[N], T* to) {
    constexpr int each = N < pack_size<T> ? N : pack_size<T>;
    if constexpr (each * sizeof(T) < 4) {
        *to = from_float<T>(from[0]);
    } else {
        LAPIDARY_UNROLL
        for (int part = 0; part < N; part += each) {
            std::uint32_t words[each * sizeof(T) / 4];
            LAPIDARY_UNROLL
            for (int i = 0; i < static_cast<int>(each * sizeof(T) / 4); ++i) {
                if constexpr (sizeof(T) == sizeof(float)) {
                    words[i] = __builtin_bit_cast(std::uint32_t, from[part + i]);
                } else {
                    words[i] = pack_bf16(from[part + 2 * i], from[part + 2 * i + 1]);
                }
            }
            store_words(words, to + part);
        }
    }
}

/// N elements as they lie in memory, in the words of registers: halves that a compiler keeps one by one take twice
/// as many.
template <class T, int N>
struct Words {
    static_assert(N * sizeof(T) % 4 == 0 && N * sizeof(T) <= 16);
    std::uint32_t at[N * sizeof(T) / 4];
};
template <class T, int N>
LAPIDARY_KERNEL Words<T, N> read_words(const T* from) {
    Words<T, N> words;
    load_words(from, words.at);
    return words;
}
template <class T, int N>
LAPIDARY_KERNEL void widen(const Words<T, N>& from, float (&to)[N]) {
    LAPIDARY_UNROLL
    for (int i = 0; i < N; ++i) to[i] = to_float(element<T>(from.at, i));
}

/// Whether rows of `columns` elements that begin at `first` may be read in packs of 16 bytes.
template <class T>
bool packs_fit(const T* first, Index columns) {
    return columns % pack_size<T> == 0 && reinterpret_cast<std::uintptr_t>(first) % 16 == 0;
}

}  // namespace lapidary::kernels
