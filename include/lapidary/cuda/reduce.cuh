#pragma once

#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/pack.cuh>
#include <lapidary/cuda/sums.cuh>

#include <vector>

namespace lapidary {

namespace kernels {

/// Sums of blocks of `reduction_block` elements, or of their squares, in double: a block of threads each. A thread
/// adds every 256th group of four elements in order, whether or not they may be read at once.
template <bool Squares, bool Packed>
struct SumBlocks {
    static constexpr int threads = 256, group = 4;
    static constexpr int steps = static_cast<int>(reduction_block) / (threads * group);
    static_assert(static_cast<Index>(steps) * threads * group == reduction_block);
    const float* x;
    double* sums;
    Index size;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const float* const from = x + thread.block(0) * reduction_block;
        const Index left = size - thread.block(0) * reduction_block;
        const int own = thread.index() * group;
        double total = 0;
        if (Packed && left >= reduction_block) {
            LAPIDARY_UNROLL
            for (int step = 0; step < steps; ++step) {
                float values[group];
                load<group>(from + step * threads * group + own, values);
                add(values, total);
            }
        } else {
            for (int i = own; i < reduction_block && i < left; i += threads * group) {
                float values[group];
                LAPIDARY_UNROLL
                for (int j = 0; j < group; ++j) values[j] = i + j < left ? from[i + j] : 0.0F;
                add(values, total);
            }
        }
        total = block_sum(thread, total, thread.template shared<double>());
        if (thread.index() == 0) sums[thread.block(0)] = total;
    }

    static LAPIDARY_KERNEL void add(const float (&values)[group], double& total) {
        LAPIDARY_UNROLL
        for (int j = 0; j < group; ++j) {
            const auto value = static_cast<double>(values[j]);
            total += Squares ? value * value : value;
        }
    }
};

/// The sums of blocks, brought to the host.
template <bool Squares, Gpu G>
void sum_blocks(G& gpu, ConstView<float, 1> x, std::span<double> sums) {
    if (sums.empty()) return;
    ScratchScope scope(gpu.scratch());
    const auto blocks = static_cast<Index>(sums.size());
    const View<double, 1> partial = gpu.scratch().template allocate<double, 1>({blocks});
    const auto run = [&]<bool Packed>(std::bool_constant<Packed>) {
        using Kernel = SumBlocks<Squares, Packed>;
        constexpr std::size_t room = Kernel::threads / 32 * sizeof(double);
        gpu.launch({.x = blocks, .threads = Kernel::threads, .shared = room},
                   Kernel{x.data, partial.data, x.size()});
    };
    packs_fit(x.data, 0) ? run(std::true_type()) : run(std::false_type());
    gpu.download(partial.data, sums.data(), sums.size_bytes());
}

}  // namespace kernels

template <Gpu G>
double sum_on(G& gpu, ConstView<Accumulator<G>, 1> x) {
    std::vector<double> sums(static_cast<std::size_t>(ceil_div(x.size(), reduction_block)));
    kernels::sum_blocks<false>(gpu, x, sums);
    double total = 0;
    for (const double block : sums) total += block;
    return total;
}

template <Gpu G>
void squares_by_block_on(G& gpu, ConstView<Accumulator<G>, 1> x, std::span<double> sums) {
    kernels::sum_blocks<true>(gpu, x, sums);
}

}  // namespace lapidary
