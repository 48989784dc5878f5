// RMSprop on a GPU or its stand-in: floats, and floats in two halves.

#include "weights.hpp"

#include <lapidary/cuda/rmsprop.cuh>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// What the arrays hold after four steps on `size` elements, `first` into them, gradients `apart` further.
template <class D>
std::vector<Values> four_steps(D& device, Index first, Index size, Index apart) {
    const Index whole = first + size + apart + 9;
    const auto w = place_weights(device, Values::normal(whole, 1));
    const auto v = place_accumulators(device, Shape<1>{whole}, Values::constant(whole, 0.25));
    const auto part = [&](auto view) { return view.slice(first, size); };
    for (std::uint64_t step = 1; step <= 4; ++step) {
        const auto g = place_accumulators(device, Shape<1>{whole}, Values::normal(whole, 10 + step));
        rmsprop(device, part(w), g.slice(first + apart, size), part(v),
                {.decay = 0.9, .rate = 0.01, .gradient_scale = 0.7, .weight_decay = 0.1});
    }
    return {read_weights(device, w), read(v)};
}

}  // namespace

TEST_CASE("rmsprop on a GPU agrees over several steps, wherever its arrays begin") {
    const Index first = GENERATE(0, 1, 2, 3, 4, 37, 64);
    const Index size = GENERATE(0, 1, 2, 5, 1024, 2051);
    const Index apart = GENERATE(0, 1);
    INFO(size << " elements from " << first << " on, gradients " << apart << " further");
    const auto run = [&](auto& device) { return four_steps(device, first, size, apart); };
    const std::vector<Values> floats = run_on_gpu<float>(run);
    Reference reference;
    check_close<float>(floats, run(reference));
    check_equal(run_on_gpu<bf16>(run), floats);
    for (Index i = 0; i < std::ssize(floats[1].data); ++i) {  // nothing beside the arrays is touched
        if (i < first || i >= first + size) CHECK(floats[1].data[static_cast<std::size_t>(i)] == 0.25);
    }
}
