#pragma once

#include <lapidary/core/master_weights.hpp>
#include <lapidary/cuda/pack.cuh>

#include <cstdint>

namespace lapidary::kernels {

/// Weights, and what bf16 ones lack to be floats: `Count` (4 or 1) in one access each.
template <class T>
struct MasterPack {
    T* weights;
    std::int16_t* remainders;  // not read where weights are float

    template <int Count>
    LAPIDARY_KERNEL void read(Index i, float (&w)[Count]) const {
        if constexpr (sizeof(T) == sizeof(float)) {
            load<Count>(weights + i, w);
        } else if constexpr (Count == 1) {
            w[0] = static_cast<float>(MasterWeight(weights[i], remainders[i]));
        } else {
            std::uint32_t high[Count / 2], low[Count / 2];
            load_words(weights + i, high);
            load_words(remainders + i, low);
            LAPIDARY_UNROLL
            for (int j = 0; j < Count; ++j) {
                const auto half = static_cast<std::int16_t>(low[j / 2] >> 16 * (j % 2) & 0xffffU);
                w[j] = static_cast<float>(MasterWeight(element<bf16>(high, j), half));
            }
        }
    }
    template <int Count>
    LAPIDARY_KERNEL void write(const float (&w)[Count], Index i) const {
        if constexpr (sizeof(T) == sizeof(float)) {
            store<Count>(w, weights + i);
        } else if constexpr (Count == 1) {
            const MasterWeight master(w[0]);
            weights[i] = master.weight;
            remainders[i] = master.remainder;
        } else {
            std::uint32_t high[Count / 2] = {}, low[Count / 2] = {};
            LAPIDARY_UNROLL
            for (int j = 0; j < Count; ++j) {
                const MasterWeight master(w[j]);
                high[j / 2] |= static_cast<std::uint32_t>(master.weight.bits) << 16 * (j % 2);
                low[j / 2] |= static_cast<std::uint32_t>(static_cast<std::uint16_t>(master.remainder))
                              << 16 * (j % 2);
            }
            store_words(high, weights + i);
            store_words(low, remainders + i);
        }
    }
};

/// Whether packs of N elements that begin `lead` elements before `first` are aligned.
template <int N, class T>
bool packs_align(const T* first, int lead) {
    return (reinterpret_cast<std::uintptr_t>(first) - static_cast<std::uintptr_t>(lead) * sizeof(T)) %
               (N * sizeof(T)) ==
           0;
}
/// The same of weights and what bf16 ones lack.
template <int N, class T>
bool packs_align(const MasterWeights<T>& masters, int lead) {
    return packs_align<N>(masters.weights.data, lead) &&
           (sizeof(T) == sizeof(float) || packs_align<N>(masters.remainders.data, lead));
}

}  // namespace lapidary::kernels
