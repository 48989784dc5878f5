#pragma once

#include <lapidary/cuda/thread.cuh>

namespace lapidary::kernels {

// Registers have 32 bits, and accesses to memory up to 16 bytes. Left to itself, nvcc splits some accesses, even
// to its built-in vectors; hence the assembler for those to global memory.

/// Words that are read or written in one access, whatever else is there.
template <int Count>
struct alignas(4 * Count) [[gnu::may_alias]] WordPack {
    std::uint32_t at[Count];
};

/// `Count` words, 1, 2 or 4, in one access. `from` is aligned to them.
template <int Count>
LAPIDARY_KERNEL void load_words(const void* from, std::uint32_t (&to)[Count]) {
    static_assert(Count == 1 || Count == 2 || Count == 4);
#ifdef __CUDA_ARCH__
    if (__isGlobal(from)) {  // known when it is compiled
        if constexpr (Count == 4) {
            asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                         : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                         : "l"(__cvta_generic_to_global(from))
                         : "memory");
            return;
        } else if constexpr (Count == 2) {
            asm volatile("ld.global.v2.u32 {%0, %1}, [%2];"
                         : "=r"(to[0]), "=r"(to[1])
                         : "l"(__cvta_generic_to_global(from))
                         : "memory");
            return;
        }
    }
#endif
    const auto words = *static_cast<const WordPack<Count>*>(from);
    LAPIDARY_UNROLL
    for (int i = 0; i < Count; ++i) to[i] = words.at[i];
}

/// The reverse.
template <int Count>
LAPIDARY_KERNEL void store_words(const std::uint32_t (&from)[Count], void* to) {
    static_assert(Count == 1 || Count == 2 || Count == 4);
#ifdef __CUDA_ARCH__
    if (__isGlobal(to)) {
        if constexpr (Count == 4) {
            asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(to)),
                         "r"(from[0]), "r"(from[1]), "r"(from[2]), "r"(from[3])
                         : "memory");
            return;
        } else if constexpr (Count == 2) {
            asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(__cvta_generic_to_global(to)), "r"(from[0]),
                         "r"(from[1])
                         : "memory");
            return;
        }
    }
#endif
    WordPack<Count> words;
    LAPIDARY_UNROLL
    for (int i = 0; i < Count; ++i) words.at[i] = from[i];
    *static_cast<WordPack<Count>*>(to) = words;
}

}  // namespace lapidary::kernels
