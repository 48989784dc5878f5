// AdamW on the stand-in for a GPU: floats, and floats in two halves.

#include "support.hpp"

#include <lapidary/cuda/adamw.cuh>

using namespace lapidary;
using namespace lapidary::test;

namespace {

AdamWUpdate update_of_step(int step) {
    AdamWUpdate update;
    update.decay = 1e-3;
    update.step_size = 0.01 / (1 - std::pow(update.beta1, step));
    update.inverse_correction2 = 1 / std::sqrt(1 - std::pow(update.beta2, step));
    update.gradient_scale = 0.7;
    return update;
}

/// A span's place in larger arrays: `first` elements into them, gradients `apart` further.
struct Span {
    Index first, size, apart;
    [[nodiscard]] Index whole() const { return first + size + apart + 9; }
};

/// What a device's arrays hold after some steps on their span: weights, m, v.
using Results = std::vector<Values>;

template <class D>
Results run_floats(D& device, const Span& span, int steps) {
    const Shape<1> shape{span.whole()};
    const auto w = place_accumulators(device, shape, Values::normal(shape[0], 1));
    const auto m = place_accumulators(device, shape, Values::normal(shape[0], 2, 0.1));
    const auto v = place_accumulators(device, shape, Values::constant(shape[0], 0.25));
    const auto part = [&](auto view) { return view.slice(span.first, span.size); };
    for (int step = 1; step <= steps; ++step) {
        const auto g =
            place_accumulators(device, shape, Values::normal(shape[0], 10 + static_cast<std::uint64_t>(step)));
        adamw(device, part(w), g.slice(span.first + span.apart, span.size), part(m), part(v),
              update_of_step(step));
    }
    return {read(w), read(m), read(v)};
}

Results run_halves(HostGpu<bf16>& device, const Span& span, int steps) {
    const Shape<1> shape{span.whole()};
    const Values start = Values::normal(shape[0], 1);
    const auto w = scratch(device, shape);
    const auto low = device.scratch().allocate<std::int16_t, 1>(shape);
    for (Index i = 0; i < shape[0]; ++i) {
        const MasterWeight master(static_cast<float>(start.data[static_cast<std::size_t>(i)]));
        w[i] = master.weight;
        low[i] = master.remainder;
    }
    const auto m = place_accumulators(device, shape, Values::normal(shape[0], 2, 0.1));
    const auto v = place_accumulators(device, shape, Values::constant(shape[0], 0.25));
    const auto part = [&](auto view) { return view.slice(span.first, span.size); };
    for (int step = 1; step <= steps; ++step) {
        const auto g =
            place_accumulators(device, shape, Values::normal(shape[0], 10 + static_cast<std::uint64_t>(step)));
        adamw(device, {part(w), part(low)}, g.slice(span.first + span.apart, span.size), part(m), part(v),
              update_of_step(step));
    }
    Values joined;
    for (Index i = 0; i < shape[0]; ++i) {
        const auto master = static_cast<float>(MasterWeight(w[i], low[i]));
        if (MasterWeight(master).weight.bits != w[i].bits) FAIL("a weight that is not the nearest one, at " << i);
        joined.data.push_back(static_cast<double>(master));
    }
    return {joined, read(m), read(v)};
}

template <class Run>
void check(Run&& run, const Results& exact) {
    const Results first = run(ThreadOrder::forward);
    for (std::size_t i = 0; i < exact.size(); ++i) {
        INFO("result " << i);
        CHECK(relative_error(first[i], exact[i]) <= 1e-6);
    }
    for (const ThreadOrder order : {ThreadOrder::backward, ThreadOrder::shuffled}) {
        const Results again = run(order);
        for (std::size_t i = 0; i < exact.size(); ++i) CHECK(again[i].data == first[i].data);
    }
}

}  // namespace

TEST_CASE("adamw on a GPU agrees over several steps, wherever its arrays begin") {
    const Index first = GENERATE(0, 1, 2, 3, 4, 37, 64);
    const Index size = GENERATE(0, 1, 2, 5, 1024, 2051);
    const Index apart = GENERATE(0, 1);
    const Span span{first, size, apart};
    INFO(size << " elements from " << first << " on, gradients " << apart << " further");
    Reference reference;
    const Results exact = run_floats(reference, span, 4);
    Results floats, halves;
    check(
        [&](ThreadOrder order) {
            HostGpu<float> gpu(order);
            return floats = run_floats(gpu, span, 4);
        },
        exact);
    check(
        [&](ThreadOrder order) {
            HostGpu<bf16> gpu(order);
            return halves = run_halves(gpu, span, 4);
        },
        exact);
    for (std::size_t i = 0; i < exact.size(); ++i) CHECK(halves[i].data == floats[i].data);
}

TEST_CASE("a GPU's weights that are not numbers show it") {
    HostGpu<bf16> gpu;
    const auto w = place(gpu, Shape<1>{3}, Values::constant(3, 1));
    const auto low = gpu.scratch().allocate<std::int16_t, 1>({3});
    std::fill(low.begin(), low.end(), std::int16_t{0});
    const auto g = place_accumulators(gpu, Shape<1>{3}, Values::constant(3, 1));
    g[1] = __builtin_bit_cast(float, 0x7fffffffU);  // the NaN that GPUs make
    const auto m = place_accumulators(gpu, Shape<1>{3}, Values::constant(3, 0));
    const auto v = place_accumulators(gpu, Shape<1>{3}, Values::constant(3, 0));
    adamw(gpu, {w, low}, g, m, v, update_of_step(1));
    CHECK(std::isnan(static_cast<float>(w[1])));
    CHECK(std::isnan(static_cast<float>(MasterWeight(w[1], low[1]))));
    CHECK(std::isfinite(static_cast<float>(w[0])));
    CHECK(std::isfinite(static_cast<float>(w[2])));
}
