#pragma once

#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/pack.cuh>

namespace lapidary {

namespace kernels {

/// `AdamWUpdate` as it is computed with.
struct AdamWFactors {
    float keep, gradient_scale, beta1, rest1, beta2, rest2, step_size, correction2, epsilon;

    explicit AdamWFactors(const AdamWUpdate& update)
        : keep(static_cast<float>(1 - update.decay)),
          gradient_scale(static_cast<float>(update.gradient_scale)),
          beta1(static_cast<float>(update.beta1)),
          rest1(static_cast<float>(1 - update.beta1)),
          beta2(static_cast<float>(update.beta2)),
          rest2(static_cast<float>(1 - update.beta2)),
          step_size(static_cast<float>(update.step_size)),
          correction2(static_cast<float>(update.inverse_correction2)),
          epsilon(static_cast<float>(update.epsilon)) {}
};

LAPIDARY_KERNEL void update_element(const AdamWFactors& factors, float g, float& w, float& m, float& v) {
    g *= factors.gradient_scale;
    m = fmaf(factors.beta1, m, factors.rest1 * g);
    v = fmaf(factors.beta2, v, factors.rest2 * g * g);
    w = w * factors.keep - factors.step_size * m / fmaf(sqrtf(v), factors.correction2, factors.epsilon);
}

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

/// N elements a thread. `lead`: elements by which the first pack begins before the arrays do, so that the others
/// are aligned.
template <class T, int N>
struct UpdateWeights {
    T* weights;
    std::int16_t* remainders;  // not read where weights are float
    const float* gradients;
    float* m;
    float* v;
    Index size;
    int lead;
    AdamWFactors factors;

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
        float w[Count], g[Count], m1[Count], v1[Count];
        masters.template read<Count>(i, w);
        load<Count>(gradients + i, g);
        load<Count>(m + i, m1);
        load<Count>(v + i, v1);
        LAPIDARY_UNROLL
        for (int j = 0; j < Count; ++j) update_element(factors, g[j], w[j], m1[j], v1[j]);
        store<Count>(m1, m + i);
        store<Count>(v1, v + i);
        masters.template write<Count>(w, i);
    }
};

/// Whether packs of N elements that begin `lead` elements before `first` are aligned.
template <int N, class T>
bool packs_align(const T* first, int lead) {
    return (reinterpret_cast<std::uintptr_t>(first) - static_cast<std::uintptr_t>(lead) * sizeof(T)) %
               (N * sizeof(T)) ==
           0;
}

}  // namespace kernels

template <Gpu G>
void adamw_on(G& gpu, std::type_identity_t<MasterWeights<Scalar<G>>> weights,
              ConstView<Accumulator<G>, 1> gradients, View<Accumulator<G>, 1> m, View<Accumulator<G>, 1> v,
              const AdamWUpdate& update) {
    using T = Scalar<G>;
    constexpr int threads = 256, pack = 4;  // of neighbours: all accesses of a warp are without gaps
    const Index size = gradients.size();
    const auto run = [&]<int N>(std::integral_constant<int, N>, int lead) {
        const kernels::UpdateWeights<T, N> kernel{
            weights.weights.data,         weights.remainders.data, gradients.data, m.data, v.data, size, lead,
            kernels::AdamWFactors(update)};
        gpu.launch({.x = size == 0 ? 0 : ceil_div(size + lead, threads * N), .threads = threads}, kernel);
    };
    for (int lead = 0; lead < pack; ++lead) {
        if (kernels::packs_align<pack>(weights.weights.data, lead) &&
            kernels::packs_align<pack>(weights.remainders.data, sizeof(T) == sizeof(float) ? 0 : lead) &&
            kernels::packs_align<pack>(gradients.data, lead) && kernels::packs_align<pack>(m.data, lead) &&
            kernels::packs_align<pack>(v.data, lead)) {
            return run(std::integral_constant<int, pack>(), lead);
        }
    }
    run(std::integral_constant<int, 1>(), 0);
}

}  // namespace lapidary
