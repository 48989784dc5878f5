#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/cuda/adamw.cuh>

namespace lapidary {

namespace kernels {

/// The bf16 next to a float towards zero or away from it, away with the probability that keeps the mean: `random`
/// is uniform in [0, 2^16). Infinities and NaN stay, and what is finite stays so: towards zero, where there is
/// nothing away from it.
LAPIDARY_KERNEL bf16 round_stochastically(float value, std::uint32_t random) {
    constexpr std::uint32_t exponent = 0x7f800000U;
    const auto bits = __builtin_bit_cast(std::uint32_t, value);
    if ((bits & exponent) == exponent) return from_float<bf16>(value);
    const std::uint32_t moved = bits + random;
    return bf16::from_bits(static_cast<std::uint16_t>(((moved & exponent) == exponent ? bits : moved) >> 16));
}

/// `UpdateWeights` with moments in bf16: a thread for the four elements of the whole vector that share a draw.
/// `Packed`: they may be read in one access.
template <class T, bool Packed>
struct UpdateNarrow {
    T* weights;
    std::int16_t* remainders;
    const float* gradients;
    bf16* m;
    bf16* v;
    Index first, size;  // of the whole vector, what the arrays hold
    std::uint32_t key[2], item[2];
    AdamWRule rule;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index group = first / 4 + thread.block(0) * thread.count() + thread.index();
        const Index start = 4 * group - first;
        if (start >= size) return;
        std::uint32_t random[4] = {static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(group >> 32),
                                   item[0], item[1]};
        philox4x32(random, key[0], key[1]);
        if (Packed && start >= 0 && start + 4 <= size) {
            update<4>(start, random);
        } else {
            for (int j = 0; j < 4; ++j) {
                const std::uint32_t own[1] = {random[j]};
                if (start + j >= 0 && start + j < size) update<1>(start + j, own);
            }
        }
    }

    template <int Count>
    LAPIDARY_KERNEL void update(Index i, const std::uint32_t (&random)[Count]) const {
        const MasterPack<T> masters{weights, remainders};
        float w[Count], g[Count], m1[Count], v1[Count];
        masters.template read<Count>(i, w);
        load<Count>(gradients + i, g);
        load<Count>(m + i, m1);
        load<Count>(v + i, v1);
        LAPIDARY_UNROLL
        for (int j = 0; j < Count; ++j) {
            float kept[] = {m1[j], v1[j]};
            rule(g[j], w[j], kept);
            // To what the bf16 will be: storing rounds no further.
            m1[j] = to_float(round_stochastically(kept[0], random[j] & 0xffffU));
            v1[j] = to_float(round_stochastically(kept[1], random[j] >> 16));
        }
        store<Count>(m1, m + i);
        store<Count>(v1, v + i);
        masters.template write<Count>(w, i);
    }
};

}  // namespace kernels

template <Gpu G>
void adamw_narrow_on(G& gpu, std::type_identity_t<MasterWeights<Scalar<G>>> weights,
                     ConstView<Accumulator<G>, 1> gradients, View<bf16, 1> m, View<bf16, 1> v,
                     const AdamWUpdate& update, const Philox& rounding, Index first) {
    using T = Scalar<G>;
    constexpr int threads = 256;
    const Index size = gradients.size(), groups = size == 0 ? 0 : ceil_div(first + size, 4) - first / 4;
    const auto run = [&]<bool Packed>(std::bool_constant<Packed>) {
        const kernels::UpdateNarrow<T, Packed> kernel{weights.weights.data,
                                                      weights.remainders.data,
                                                      gradients.data,
                                                      m.data,
                                                      v.data,
                                                      first,
                                                      size,
                                                      {rounding.key()[0], rounding.key()[1]},
                                                      {rounding.item()[0], rounding.item()[1]},
                                                      kernels::AdamWRule(update)};
        gpu.launch({.x = ceil_div(groups, threads), .threads = threads}, kernel);
    };
    const int lead = static_cast<int>(first % 4);
    const bool packed = kernels::packs_align<4>(weights, lead) && kernels::packs_align<4>(gradients.data, lead) &&
                        kernels::packs_align<4>(m.data, lead) && kernels::packs_align<4>(v.data, lead);
    packed ? run(std::true_type()) : run(std::false_type());
}

}  // namespace lapidary
