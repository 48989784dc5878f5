#pragma once

#include <lapidary/core/tensor.hpp>
#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/simd.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>

/// What this machine can do, measured in this process on the threads that the benchmark uses, so that every figure
/// reads as a fraction of it.
namespace bench {

using lapidary::Arena;
using lapidary::Cpu;
using lapidary::Index;

/// The shortest of `repeats` runs, in seconds.
template <class Work>
double shortest(int repeats, Work&& work) {
    double best = 1e30;
    for (int i = 0; i < repeats; ++i) {
        const auto start = std::chrono::steady_clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

/// Chains of fused multiply-adds that never leave the registers; enough of them to hide the latency of one.
inline constexpr int chains = 12;

inline void multiply_add(Index rounds) {
    using namespace lapidary::simd;
    Vec sums[chains], factor = broadcast(0.5F), term = broadcast(1.0F);
    for (int i = 0; i < chains; ++i) sums[i] = broadcast(static_cast<float>(i));
    benchmark::DoNotOptimize(factor);
    benchmark::DoNotOptimize(term);
    for (Vec& sum : sums) benchmark::DoNotOptimize(sum);
    for (Index round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
        for (int i = 0; i < chains; ++i) sums[i] = fma(sums[i], factor, term);
    }
    for (Vec& sum : sums) benchmark::DoNotOptimize(sum);
}

/// Single-precision FLOP/s of all threads at once; a fused multiply-add counts two.
inline double peak_flops(Cpu& device) {
    static const double measured = [&] {
        constexpr Index rounds = 50'000;
        const Index tasks = 16 * device.threads();
        const double seconds =
            shortest(200, [&] { device.run(tasks, [&](Index, Arena&) { multiply_add(rounds); }); });
        return 2.0 * chains * lapidary::simd::width * static_cast<double>(rounds * tasks) / seconds;
    }();
    return measured;
}

/// Bytes read plus bytes written per second while all threads copy arrays that no cache holds.
inline double copy_bandwidth(Cpu& device) {
    static const double measured = [&] {
        constexpr std::size_t bytes = std::size_t{256} << 20;
        lapidary::Tensor<std::byte, 1, Cpu> from(device, {static_cast<Index>(bytes)});
        lapidary::Tensor<std::byte, 1, Cpu> to(device, {static_cast<Index>(bytes)});
        std::memset(from.view().data, 1, bytes);
        // One long run a thread: the C library then writes past the caches, as the fastest copy does.
        const auto grain = static_cast<Index>(bytes) / device.threads() + 1;
        const double seconds = shortest(16, [&] {
            device.run_ranges(static_cast<Index>(bytes), grain, [&](Index first, Index count, Arena&) {
                std::memcpy(to.view().data + first, from.view().data + first, static_cast<std::size_t>(count));
            });
        });
        return 2.0 * static_cast<double>(bytes) / seconds;
    }();
    return measured;
}

/// Bytes read per second while all threads add up an array that no cache holds.
inline double read_bandwidth(Cpu& device) {
    static const double measured = [&] {
        constexpr Index count = Index{1} << 27;
        const lapidary::Tensor<float, 1, Cpu> numbers(device, {count});
        std::memset(const_cast<float*>(numbers.view().data), 0, static_cast<std::size_t>(count) * sizeof(float));
        const Index grain = count / (8 * device.threads());
        const double seconds = shortest(8, [&] {
            device.run_ranges(count, grain, [&](Index first, Index length, Arena&) {
                lapidary::simd::Vec sums[8] = {};
                for (Index i = first; i + 8 * lapidary::simd::width <= first + length;
                     i += 8 * lapidary::simd::width) {
#pragma GCC unroll 8
                    for (int j = 0; j < 8; ++j) {
                        sums[j] += lapidary::simd::load(numbers.view().data + i + j * lapidary::simd::width);
                    }
                }
                for (auto& sum : sums) benchmark::DoNotOptimize(sum);
            });
        });
        return static_cast<double>(count) * sizeof(float) / seconds;
    }();
    return measured;
}

}  // namespace bench
