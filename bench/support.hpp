#pragma once

#include "machine.hpp"

#include <lapidary/core/tensor.hpp>
#include <lapidary/cpu.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

namespace bench {

using lapidary::Shape;

/// A number from the environment; 0 if it is not there.
inline int setting(const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? 0 : std::atoi(text);
}

/// LAPIDARY_THREADS; 0: one thread per core.
inline int threads() { return setting("LAPIDARY_THREADS"); }

/// The device that the kernels of one executable share.
inline Cpu& device() {
    static Cpu shared({.threads = threads()});
    return shared;
}

template <std::size_t Rank>
using Array = lapidary::Tensor<float, Rank, Cpu>;

/// Numbers in [-scale, scale), the same in every run; every page is touched.
template <std::size_t Rank>
Array<Rank> numbers(Shape<Rank> shape, float scale = 1) {
    Array<Rank> array(device(), shape);
    std::uint32_t state = 1;
    for (float& x : array.view()) {
        state = state * 1664525U + 1013904223U;
        x = scale * (static_cast<float>(state >> 8) * 0x1p-23F - 1);
    }
    return array;
}

/// Token ids in [0, vocabulary), small ones more often, as words are.
inline lapidary::Tensor<std::int32_t, 1, Cpu> token_ids(Index count, Index vocabulary) {
    lapidary::Tensor<std::int32_t, 1, Cpu> ids(device(), {count});
    const auto u = numbers<1>({count}, 0.5F);
    for (Index i = 0; i < count; ++i) {
        const double x = static_cast<double>(u.view()[i]) + 0.5;
        ids.view()[i] = static_cast<std::int32_t>(static_cast<double>(vocabulary) * x * x * x);
    }
    return ids;
}

/// Runs the benchmark's loop; returns seconds per iteration by the wall clock.
template <class Body>
double time_loop(benchmark::State& state, Body&& body) {
    const auto start = std::chrono::steady_clock::now();
    for (auto _ : state) body();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    return elapsed.count() / static_cast<double>(state.iterations());
}

/// For kernels limited by arithmetic: the loop, with FLOP/s and the fraction of the machine's.
template <class Body>
void measure_flops(benchmark::State& state, double flops, Body&& body) {
    const double per_second = flops / time_loop(state, body);
    state.counters["FLOP/s"] = per_second;
    state.counters["peak_fraction"] = per_second / peak_flops(device());
}

/// For kernels limited by memory: `bytes` is what must be read and written at least once.
template <class Body>
void measure_bytes(benchmark::State& state, double bytes, Body&& body) {
    const double per_second = bytes / time_loop(state, body);
    state.counters["bytes/s"] = per_second;
    state.counters["bandwidth_fraction"] = per_second / copy_bandwidth(device());
}

/// Registers a benchmark; rates are by the wall clock, since several threads work.
template <class Function>
benchmark::internal::Benchmark* add(const std::string& name, Function&& function) {
    return benchmark::RegisterBenchmark(name.c_str(), std::forward<Function>(function))
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
}

/// The rest of `main`.
inline int run(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}

/// Activations of the benchmark sizes S and M: tokens of a step in sequences, and the widths of the layers.
struct Size {
    const char* name;
    Index batch, time, width, inner, heads;

    [[nodiscard]] Index tokens() const { return batch * time; }
};
inline constexpr Size sizes[] = {{"S", 8, 256, 384, 1024, 6}, {"M", 4, 512, 768, 2048, 12}};
inline constexpr Index vocabulary = 32000;

}  // namespace bench
