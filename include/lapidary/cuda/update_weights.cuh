#pragma once

#include <lapidary/cuda/gpu.hpp>
#include <lapidary/cuda/master_pack.cuh>

#include <array>
#include <type_traits>

namespace lapidary::kernels {

/// One element of an optimizer's update: `rule(g, w, moments)` changes w and the `Rule::moments` floats that the
/// optimizer keeps of it. N elements a thread. `lead`: elements by which the first pack begins before the arrays
/// do, so that the others are aligned.
template <class T, int N, class Rule>
struct UpdateWeights {
    T* weights;
    std::int16_t* remainders;  // not read where weights are float
    const float* gradients;
    float* moments[Rule::moments];
    Index size;
    int lead;
    Rule rule;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index first = (thread.block(0) * thread.count() + thread.index()) * N - lead;
        if (first >= 0 && first + N <= size) {
            update<N>(first);
        } else {
            for (int j = 0; j < N; ++j) {
                if (first + j >= 0 && first + j < size) update<1>(first + j);
            }
        }
    }

    template <int Count>
    LAPIDARY_KERNEL void update(Index i) const {
        const MasterPack<T> masters{weights, remainders};
        float w[Count], g[Count], kept[Rule::moments][Count];
        masters.template read<Count>(i, w);
        load<Count>(gradients + i, g);
        LAPIDARY_UNROLL
        for (int k = 0; k < Rule::moments; ++k) load<Count>(moments[k] + i, kept[k]);
        LAPIDARY_UNROLL
        for (int j = 0; j < Count; ++j) {
            float own[Rule::moments];
            LAPIDARY_UNROLL
            for (int k = 0; k < Rule::moments; ++k) own[k] = kept[k][j];
            rule(g[j], w[j], own);
            LAPIDARY_UNROLL
            for (int k = 0; k < Rule::moments; ++k) kept[k][j] = own[k];
        }
        LAPIDARY_UNROLL
        for (int k = 0; k < Rule::moments; ++k) store<Count>(kept[k], moments[k] + i);
        masters.template write<Count>(w, i);
    }
};

/// Updates weights and the optimizer's moments by `rule`, all as long as the gradients.
template <class Rule, Gpu G>
void update_weights(G& gpu, const Rule& rule, const MasterWeights<Scalar<G>>& weights,
                    ConstView<Accumulator<G>, 1> gradients,
                    const std::array<View<Accumulator<G>, 1>, Rule::moments>& moments) {
    constexpr int threads = 256, pack = 4;  // of neighbours: all accesses of a warp are without gaps
    const Index size = gradients.size();
    const auto run = [&]<int N>(std::integral_constant<int, N>, int lead) {
        UpdateWeights<Scalar<G>, N, Rule> kernel{
            weights.weights.data, weights.remainders.data, gradients.data, {}, size, lead, rule};
        for (std::size_t k = 0; k < moments.size(); ++k) kernel.moments[k] = moments[k].data;
        gpu.launch({.x = size == 0 ? 0 : ceil_div(size + lead, threads * N), .threads = threads}, kernel);
    };
    for (int lead = 0; lead < pack; ++lead) {
        bool align = packs_align<pack>(weights, lead) && packs_align<pack>(gradients.data, lead);
        for (const auto& moment : moments) align = align && packs_align<pack>(moment.data, lead);
        if (align) return run(std::integral_constant<int, pack>(), lead);
    }
    run(std::integral_constant<int, 1>(), 0);
}

}  // namespace lapidary::kernels
