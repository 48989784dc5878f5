// AdamW with moments in bf16: they are rounded as is documented, and their mean is kept.

#include "weights.hpp"

#include <lapidary/cpu/device.hpp>
#include <lapidary/cuda/adamw.cuh>
#include <lapidary/cuda/adamw_narrow.cuh>

#include <cmath>

using namespace lapidary;
using namespace lapidary::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest_bf16 = 0x1.fep127;

const AdamWUpdate usual{.decay = 1e-3, .step_size = 0.02, .inverse_correction2 = 1.5, .gradient_scale = 0.7};
/// Moments become the gradient and its square.
const AdamWUpdate replacing{.beta1 = 0, .beta2 = 0, .step_size = 0};

/// A parameter vector's arrays, from element `first` of the whole on, before an update.
struct Start {
    Index first;
    Values weights, gradients, m, v;  // the moments are bf16

    static Start random(Index first, Index size) {
        Start start{first, Values::normal(size, 1), Values::normal(size, 2), representable<bf16>(size, 3, 0.1),
                    representable<bf16>(size, 4)};
        for (double& value : start.v.data) value = std::abs(value);
        return start;
    }
    static Start equal(Index size, double gradient, double moments) {
        return {0, Values::constant(size, 1), Values::constant(size, gradient), Values::constant(size, moments),
                Values::constant(size, moments)};
    }
    [[nodiscard]] Index size() const { return static_cast<Index>(weights.data.size()); }
};

Philox rounding_of(std::uint64_t step) { return Philox(9, "moments", step); }

/// Weights, m and v after the update with moments in bf16, cut into pieces that end at `ends`.
template <class D>
std::vector<Values> narrow(D& device, const Start& start, const AdamWUpdate& update, const Philox& rounding,
                           const std::vector<Index>& ends) {
    const Shape<1> shape{start.size()};
    const auto w = place_weights(device, start.weights);
    const auto g = place_accumulators(device, shape, start.gradients);
    const auto m = assign(device, device.scratch().template allocate<bf16>(shape), start.m);
    const auto v = assign(device, device.scratch().template allocate<bf16>(shape), start.v);
    Index begin = 0;
    for (const Index end : ends) {
        const auto part = [&](auto view) { return view.slice(begin, end - begin); };
        adamw_narrow(device, part(w), part(g), part(m), part(v), update, rounding, start.first + begin);
        begin = end;
    }
    return {read_weights(device, w), read(m), read(v)};
}
/// The same of `adamw`, whose moments are float.
template <class D>
std::vector<Values> wide(D& device, const Start& start, const AdamWUpdate& update) {
    const Shape<1> shape{start.size()};
    const auto w = place_weights(device, start.weights);
    const auto g = place_accumulators(device, shape, start.gradients);
    const auto m = place_accumulators(device, shape, start.m), v = place_accumulators(device, shape, start.v);
    adamw(device, w, g, m, v, update);
    return {read_weights(device, w), read(m), read(v)};
}

/// What 16 random bits make of a finite moment: one of its two neighbours in bf16, the one away from zero if what
/// is missing to it is less than the draw.
double neighbour(double exact, std::uint32_t draw) {
    const bf16 nearest(exact);
    const auto size = [](int bits) {
        const double value(bf16::from_bits(static_cast<std::uint16_t>(bits)));
        return std::isinf(value) ? 0x1p128 : value;
    };
    int bits = nearest.bits & 0x7fff;
    if (size(bits) > std::abs(exact)) --bits;
    const double inner = size(bits), outer = size(bits + 1);
    REQUIRE((inner <= std::abs(exact) && std::abs(exact) < outer));
    const double above = (std::abs(exact) - inner) / (outer - inner);
    return std::copysign(above + draw / 65536.0 >= 1 && outer < 0x1p128 ? outer : inner, exact);
}

/// Element i of the whole vector draws word i % 4 of `bits(i / 4)`: the low half for m, the high half for v.
std::vector<Values> rounded(std::vector<Values> results, Index first, const Philox& rounding) {
    for (std::size_t i = 0; i < results[0].data.size(); ++i) {
        const std::uint64_t element = static_cast<std::uint64_t>(first) + i;
        const std::uint32_t draw = rounding.bits(element / 4)[element % 4];
        double &m = results[1].data[i], &v = results[2].data[i];
        if (std::isfinite(m)) m = neighbour(m, draw & 0xffffU);
        if (std::isfinite(v)) v = neighbour(v, draw >> 16);
    }
    return results;
}

}  // namespace

TEMPLATE_TEST_CASE("moments in bf16 are the neighbours that the documented draws choose", "", float, bf16) {
    const Index first = GENERATE(0, 1, 2, 3, 4, 1022, (Index{1} << 34) + 5);
    const Index size = GENERATE(0, 1, 3, 4, 6, 1024, 2051);
    INFO(size << " elements from " << first << " on");
    const Start start = Start::random(first, size);
    const Philox rounding = rounding_of(3);
    const auto results =
        run_on_gpu<TestType>([&](auto& gpu) { return narrow(gpu, start, usual, rounding, {size}); });
    const auto exact = run_on_gpu<TestType>([&](auto& gpu) { return wide(gpu, start, usual); });
    check_equal(results, rounded(exact, first, rounding));  // the weights are those of moments in float
}

TEMPLATE_TEST_CASE("moments in bf16 do not depend on how their vector is cut", "", float, bf16) {
    const Start start = Start::random(GENERATE(0, 6), 2100);
    const auto update = [&](const std::vector<Index>& ends) {
        return run_on_gpu<TestType>([&](auto& gpu) { return narrow(gpu, start, usual, rounding_of(3), ends); });
    };
    const auto whole = update({2100});
    check_equal(update({1, 2, 5, 5, 12, 13, 1040, 2099, 2100}), whole);
    check_equal(update({1024, 2048, 2100}), whole);
}

TEST_CASE("the mean of moments in bf16 stays where rounding to nearest would stop") {
    // m is 0.9 + 0.1 * 1.02 = 1.002 after a step, v is multiplied by 0.999: both would stay 1.
    const Index size = 100000;
    const int steps = 5;
    auto&& gpu = fresh_gpu<bf16>();
    Start start = Start::equal(size, 1.02, 1);
    const AdamWUpdate update{.beta1 = 0.9, .beta2 = 0.999, .gradient_scale = 1};
    double m = 1, v = 1;
    for (int step = 0; step < steps; ++step) {
        for (double& gradient : start.gradients.data) gradient = step == 0 ? 1.02 : 0;
        const ScratchScope scope(gpu.scratch());
        auto results = narrow(gpu, start, update, rounding_of(static_cast<std::uint64_t>(step)), {size});
        start.m = results[1];
        start.v = results[2];
        const double g = start.gradients.data[0];
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        const auto mean = [&](const Values& values) {
            double sum = 0;
            for (const double value : values.data) sum += value;
            return sum / static_cast<double>(size);
        };
        // A draw deviates by half the distance of neighbours, 2^-7 above 1, at most; distances add up over steps.
        const double error = 0x1p-8 * std::sqrt((step + 1.0) / static_cast<double>(size));
        CHECK(std::abs(mean(start.m) - m) < 4 * error);
        CHECK(std::abs(mean(start.v) - v) < 4 * error);
    }
}

TEMPLATE_TEST_CASE("moments in bf16 keep what is not finite, and what is finite finite", "", float, bf16) {
    const Values gradients{{0.0, -0.0, 0x1p-149, -0x1p-149, 0x1.8p-133, 0x1.23456p-130, -0x1.fffffcp-127,
                            0x1.000002p-126, 0x1p-140, 1.0, 1.0 + 0x1p-23, -1.99999988, largest_bf16,
                            -0x1.fffffep127, 0x1.ff0002p127, 0x1.fffffep127, infinity, -infinity, NAN}};
    const Index copies = 64, kinds = static_cast<Index>(gradients.data.size()), size = copies * kinds;
    Start start = Start::equal(size, 0, 0);
    for (std::size_t i = 0; i < start.gradients.data.size(); ++i)
        start.gradients.data[i] = gradients.data[i % gradients.data.size()];
    auto&& gpu = fresh_gpu<TestType>();
    const auto results = narrow(gpu, start, replacing, rounding_of(1), {size});
    Values squares = start.gradients;
    for (double& value : squares.data) value = static_cast<float>(value) * static_cast<float>(value);
    const auto expected = rounded({results[0], start.gradients, squares}, 0, rounding_of(1));
    for (std::size_t i = 0; i < start.gradients.data.size(); ++i) {
        INFO("of the gradient " << start.gradients.data[i]);
        for (const std::size_t moment : {1, 2}) {
            const double value = results[moment].data[i], wanted = expected[moment].data[i];
            CHECK((std::isnan(wanted) ? std::isnan(value) : value == wanted));
        }
    }
    // Also what was there already.
    for (const double old : {infinity, -infinity, static_cast<double>(NAN)}) {
        const auto after = narrow(gpu, Start::equal(copies, 1, old), usual, rounding_of(2), {copies});
        for (const Values& moments : {after[1], after[2]}) {
            for (const double value : moments.data) CHECK((std::isnan(old) ? std::isnan(value) : value == old));
        }
    }
}

TEST_CASE("devices that keep moments in full precision refuse others") {
    Cpu cpu({.threads = 1});
    const auto x = scratch(cpu, Shape<1>{4});
    const auto moments = cpu.scratch().allocate<bf16, 1>({4});
    try {
        adamw_narrow(cpu, x, x, moments, moments, usual, rounding_of(0), 0);
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::unsupported);
    }
}
