// AdamW on a GPU or its stand-in: floats, and floats in two halves.

#include "weights.hpp"

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

/// What the arrays hold after four steps on their span: weights, m, v.
template <class D>
std::vector<Values> four_steps(D& device, const Span& span) {
    const Index whole = span.whole();
    const auto w = place_weights(device, Values::normal(whole, 1));
    const auto m = place_accumulators(device, Shape<1>{whole}, Values::normal(whole, 2, 0.1));
    const auto v = place_accumulators(device, Shape<1>{whole}, Values::constant(whole, 0.25));
    const auto part = [&](auto view) { return view.slice(span.first, span.size); };
    for (int step = 1; step <= 4; ++step) {
        const auto item = static_cast<std::uint64_t>(10 + step);
        const auto g = place_accumulators(device, Shape<1>{whole}, Values::normal(whole, item));
        adamw(device, part(w), g.slice(span.first + span.apart, span.size), part(m), part(v),
              update_of_step(step));
    }
    std::vector results{read_weights(device, w), read(m), read(v)};
    if constexpr (has_remainders<D>) {  // the weights alone are the nearest ones
        const Values rounded = read(w.weights);
        for (std::size_t i = 0; i < rounded.data.size(); ++i)
            REQUIRE(rounded.data[i] == static_cast<double>(static_cast<Scalar<D>>(results[0].data[i])));
    }
    return results;
}

}  // namespace

TEST_CASE("adamw on a GPU agrees over several steps, wherever its arrays begin") {
    const Index first = GENERATE(0, 1, 2, 3, 4, 37, 64);
    const Index size = GENERATE(0, 1, 2, 5, 1024, 2051);
    const Index apart = GENERATE(0, 1);
    const Span span{first, size, apart};
    INFO(size << " elements from " << first << " on, gradients " << apart << " further");
    const auto run = [&](auto& device) { return four_steps(device, span); };
    const std::vector<Values> floats = run_on_gpu<float>(run);
    Reference reference;
    check_close<float>(floats, run(reference));
    check_equal(run_on_gpu<bf16>(run), floats);
}

TEST_CASE("a GPU's weights that are not numbers show it") {
    auto&& gpu = fresh_gpu<bf16>();
    const auto w = place_weights(gpu, Values::constant(3, 1));
    const auto gradients = gpu.scratch().template allocate<float, 1>({3});
    const float not_a_number = __builtin_bit_cast(float, 0x7fffffffU);  // the NaN that GPUs make
    const std::vector<float> host{1, not_a_number, 1};
    gpu.upload(host.data(), gradients.data, host.size() * sizeof(float));
    const auto m = place_accumulators(gpu, Shape<1>{3}, Values::constant(3, 0));
    const auto v = place_accumulators(gpu, Shape<1>{3}, Values::constant(3, 0));
    adamw(gpu, w, gradients, m, v, update_of_step(1));
    for (const Values& weights : {read(w.weights), read_weights(gpu, w)}) {
        CHECK(std::isfinite(weights.data[0]));
        CHECK(std::isnan(weights.data[1]));
        CHECK(std::isfinite(weights.data[2]));
    }
}
