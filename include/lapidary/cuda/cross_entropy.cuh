#pragma once

#include <lapidary/cuda/curves.cuh>
#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/pack.cuh>
#include <lapidary/cuda/sums.cuh>

#include <cmath>
#include <type_traits>

namespace lapidary {

namespace kernels {

/// A block per row: the largest logit and the sum of exponentials in one read, and with `Gradient` a second one,
/// from the cache, that overwrites the logits.
template <class T, int N, bool Gradient>
struct CrossEntropy {
    static constexpr int parts = N == 1 ? 4 : 2, most_threads = 512;
    using Logits = std::conditional_t<Gradient, T, const T>;

    Logits* logits;
    const std::int32_t* targets;
    float* losses;
    Index columns;
    float scale;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        Logits* const row = logits + thread.block(0) * columns;
        const Index target = targets[thread.block(0)];
        if (target < 0) {
            if (thread.index() == 0) losses[thread.block(0)] = 0.0F;
            if constexpr (Gradient) {
                const float zeros[N] = {};
                for (Index i = thread.index() * N; i < columns; i += thread.count() * N) store<N>(zeros, row + i);
            }
            return;
        }
        const float target_logit = to_float(row[target]);  // before anybody writes, which is after the barrier
        float largest = -1e38F, sum = 0.0F;
        const Index width = thread.count() * N;
        for (Index first = thread.index() * N; first < columns; first += parts * width) {
            float values[parts][N];
            load_parts(row, first, width, values);
            const float before = largest;
            LAPIDARY_UNROLL
            for (int p = 0; p < parts; ++p) {
                LAPIDARY_UNROLL
                for (int j = 0; j < N; ++j) largest = fmaxf(largest, values[p][j]);
            }
            sum *= exp_of<T>(before - largest);
            LAPIDARY_UNROLL
            for (int p = 0; p < parts; ++p) {
                LAPIDARY_UNROLL
                for (int j = 0; j < N; ++j) sum += exp_of<T>(values[p][j] - largest);
            }
        }
        combine(thread, largest, sum);
        if (thread.index() == 0) losses[thread.block(0)] = logf(sum) + (largest - target_logit);
        if constexpr (Gradient) {
            const float factor = scale / sum;
            // Backwards: what was read last is nearest.
            const Index rounds = (columns + parts * width - 1) / (parts * width);
            for (Index round = rounds - 1; round >= 0; --round) {
                const Index first = round * parts * width + thread.index() * N;
                float values[parts][N];
                load_parts(row, first, width, values);
                LAPIDARY_UNROLL
                for (int p = 0; p < parts; ++p) {
                    const Index i = first + p * width;
                    LAPIDARY_UNROLL
                    for (int j = 0; j < N; ++j) {
                        values[p][j] =
                            factor * exp_of<T>(values[p][j] - largest) - (i + j == target ? scale : 0.0F);
                    }
                    if (i < columns) store<N>(values[p], row + i);
                }
            }
        }
    }

private:
    LAPIDARY_KERNEL void load_parts(const T* row, Index first, Index width, float (&values)[parts][N]) const {
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            if (first + p * width < columns) {
                load<N>(row + first + p * width, values[p]);
            } else {
                LAPIDARY_UNROLL
                for (int j = 0; j < N; ++j) values[p][j] = -INFINITY;
            }
        }
    }
    /// The threads' largest logits, and their sums brought to the largest of all.
    template <class Thread>
    LAPIDARY_KERNEL void combine(Thread& thread, float& largest, float& sum) const {
        float* const maxima = thread.template shared<float>();
        float* const sums = maxima + most_threads / Thread::warp_size;
        const float of_warp = warp_max(thread, largest);
        const float total = warp_sum(thread, sum * exp_of<T>(largest - of_warp));
        if (thread.lane() == 0) {
            maxima[thread.warp()] = of_warp;
            sums[thread.warp()] = total;
        }
        thread.barrier();
        const int warps = thread.count() / Thread::warp_size;
        largest = maxima[0];
        for (int w = 1; w < warps; ++w) largest = fmaxf(largest, maxima[w]);
        sum = 0.0F;
        for (int w = 0; w < warps; ++w) sum += sums[w] * exp_of<T>(maxima[w] - largest);
    }
};

template <bool Gradient, class G, class Logits>
void cross_entropy(G& gpu, View<Logits, 2> logits, ConstView<std::int32_t, 1> targets, View<float, 1> losses,
                   float scale) {
    using T = std::remove_const_t<Logits>;
    const Index columns = logits.extent(1);
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = CrossEntropy<T, N, Gradient>;
        const Index wanted = round_up(ceil_div(columns, N * Kernel::parts), 32);
        const auto threads = static_cast<int>(wanted < Kernel::most_threads ? wanted : Kernel::most_threads);
        gpu.launch(
            {.x = logits.extent(0), .threads = threads, .shared = 2 * sizeof(float) * Kernel::most_threads / 32},
            Kernel{logits.data, targets.data, losses.data, columns, scale});
    };
    if (logits.empty()) return;
    if (packs_fit(logits.data, columns)) {
        run(std::integral_constant<int, pack_size<T>>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

}  // namespace kernels

template <Gpu G>
void cross_entropy_on(G& gpu, ConstView<Scalar<G>, 2> logits, ConstView<std::int32_t, 1> targets,
                      View<Accumulator<G>, 1> losses) {
    kernels::cross_entropy<false>(gpu, logits, targets, losses, 1.0F);
}

template <Gpu G>
void cross_entropy_gradient_on(G& gpu, View<Scalar<G>, 2> logits, ConstView<std::int32_t, 1> targets,
                               View<Accumulator<G>, 1> losses, double scale) {
    kernels::cross_entropy<true>(gpu, logits, targets, losses, static_cast<float>(scale));
}

}  // namespace lapidary
