// Single operations against PyTorch in double (golden/README.md), on both devices.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/ops/ops.hpp>
#include <lapidary/reference.hpp>

#include <cmath>
#include <filesystem>
#include <tuple>
#include <utility>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// The fixture's tensors, by name, as values and as scratch on a device.
template <class D>
class Fixture {
public:
    explicit Fixture(D& device)
        : device_(device), file_(std::filesystem::path(LAPIDARY_TEST_DATA) / "golden" / "ops.safetensors") {}

    [[nodiscard]] Values values(const std::string& name) const { return {file_.read<double>(name)}; }
    template <std::size_t Rank>
    View<Scalar<D>, Rank> place(const std::string& name) const {
        const std::vector<Index>& extents = file_.info(name).shape;
        Shape<Rank> shape{};
        std::copy(extents.begin(), extents.end(), shape.begin());
        return test::place(device_, shape, values(name));
    }
    [[nodiscard]] const SafetensorsReader& file() const { return file_; }

    template <class T, std::size_t Rank>
    void check(View<T, Rank> result, const std::string& name, double double_tolerance = 1e-12,
               double single_tolerance = 2e-6) const {
        INFO(name);
        CHECK(relative_error(read(result), values(name)) <
              (std::is_same_v<Scalar<D>, float> ? single_tolerance : double_tolerance));
    }

private:
    D& device_;
    SafetensorsReader file_;
};

template <class T>
Heads<T> all_heads(View<T, 4> x) {
    const auto [b, t, h, size] = x.shape;
    return {x.data, x.shape, {t * h * size, h * size, size}};
}

}  // namespace

TEMPLATE_TEST_CASE("rms norm equals PyTorch's", "", Cpu, Reference) {
    const std::string name = GENERATE("rms_norm", "rms_norm_small");
    TestType device;
    const Fixture<TestType> fixture(device);
    const auto x = fixture.template place<2>(name + ".x"), dy = fixture.template place<2>(name + ".dy");
    const auto gain = fixture.template place<1>(name + ".gain");
    const auto y = poisoned(device, x.shape);
    const auto dx = place(device, x.shape, Values::constant(x.size(), 0));
    const auto dgain = place(device, gain.shape, Values::constant(gain.size(), 0));
    const auto inverse_rms = poisoned(device, Shape<1>{x.extent(0)});
    rms_norm(device, x, gain, 1e-6, y, inverse_rms);
    const auto cube = [](auto view) { return view.template reshape<3>({1, view.extent(0), view.extent(1)}); };
    rms_norm_gradient(device, cube(x), gain, inverse_rms, cube(dy), cube(dx), dgain);
    fixture.check(y, name + ".y");
    fixture.check(dx, name + ".dx");
    fixture.check(dgain, name + ".dgain");
}

TEMPLATE_TEST_CASE("layer norm equals PyTorch's", "", Cpu, Reference) {
    const std::string name = GENERATE("layer_norm", "layer_norm_no_bias", "layer_norm_small");
    INFO(name);
    TestType device;
    const Fixture<TestType> fixture(device);
    const bool biased = name != "layer_norm_no_bias";
    const auto x = fixture.template place<2>(name + ".x"), dy = fixture.template place<2>(name + ".dy");
    const auto gain = fixture.template place<1>(name + ".gain");
    const auto bias = biased ? fixture.template place<1>(name + ".bias") : View<Scalar<TestType>, 1>{};
    const auto y = poisoned(device, x.shape);
    const auto dx = place(device, x.shape, Values::constant(x.size(), 0));
    const auto dgain = place(device, gain.shape, Values::constant(gain.size(), 0));
    const auto dbias = place(device, bias.shape, Values::constant(bias.size(), 0));
    const RowStatistics<Scalar<TestType>> rows{poisoned(device, Shape<1>{x.extent(0)}),
                                               poisoned(device, Shape<1>{x.extent(0)})};
    const auto cube = [](auto view) { return view.template reshape<3>({1, view.extent(0), view.extent(1)}); };
    layer_norm(device, x, gain, bias, 1e-5, y, rows);
    layer_norm_gradient(device, cube(x), gain, rows, cube(dy), cube(dx), dgain, dbias);
    // A row of 100 plus 1e-2: its mean is rounded to some 1e-3 of its deviation before it is subtracted.
    const double single = name == "layer_norm_small" ? 1e-3 : 2e-6;
    fixture.check(y, name + ".y", 1e-11, single);
    fixture.check(dx, name + ".dx", 1e-9, single);
    fixture.check(dgain, name + ".dgain", 1e-11, single);
    if (biased) fixture.check(dbias, name + ".dbias");
}

TEMPLATE_TEST_CASE("gelu equals PyTorch's", "", Cpu, Reference) {
    const auto [name, form] = GENERATE(std::pair{"gelu_erf", Gelu::erf}, std::pair{"gelu_tanh", Gelu::tanh});
    TestType device;
    const Fixture<TestType> fixture(device);
    const std::string prefix = name;
    const auto x = fixture.template place<2>(prefix + ".x"), dy = fixture.template place<2>(prefix + ".dy");
    const auto y = poisoned(device, x.shape), dx = poisoned(device, x.shape);
    gelu(device, x.flat(), form, y.flat());
    gelu_gradient(device, x.flat(), form, dy.flat(), dx.flat());
    fixture.check(y, prefix + ".y");
    fixture.check(dx, prefix + ".dx");
}

TEMPLATE_TEST_CASE("rotary equals transformers'", "", Cpu, Reference) {
    const auto [name, size, pairing] = GENERATE(std::tuple{"rotary", Index{20}, Pairing::halves},
                                                std::tuple{"rotary_partial", Index{4}, Pairing::halves},
                                                std::tuple{"rotary_interleaved", Index{4}, Pairing::interleaved});
    TestType device;
    const Fixture<TestType> fixture(device);
    const auto x = fixture.template place<4>(std::string(name) + ".x");
    rotary(device, all_heads(x), 0, {.size = size, .pairing = pairing});
    fixture.check(x, std::string(name) + ".y",
                  2e-7);  // angles are rounded to single precision, as the published models do
}

TEMPLATE_TEST_CASE("attention equals PyTorch's", "", Cpu, Reference) {
    const auto [kind, rule] = GENERATE(std::pair{"attention", AttentionRule{.scale = 1 / std::sqrt(20.0)}},
                                       std::pair{"attention_alibi", AttentionRule{1 / std::sqrt(6.0), 0, 8}},
                                       std::pair{"attention_window", AttentionRule{1 / std::sqrt(6.0), 4, 0}},
                                       std::pair{"attention_grouped", AttentionRule{1 / std::sqrt(6.0), 0, 0}},
                                       std::pair{"attention_scaled", AttentionRule{1 / 6.0, 0, 0}});
    const std::string name = kind;
    INFO(name);
    TestType device;
    const Fixture<TestType> fixture(device);
    const auto q = fixture.template place<4>(name + ".q"), k = fixture.template place<4>(name + ".k");
    const auto v = fixture.template place<4>(name + ".v"), dy = fixture.template place<4>(name + ".dy");
    const auto y = poisoned(device, q.shape), dq = poisoned(device, q.shape);
    const auto dk = poisoned(device, k.shape), dv = poisoned(device, k.shape);
    const auto log_sum = poisoned(device, Shape<3>{q.extent(0), q.extent(2), q.extent(1)});
    attention(device, all_heads(q), all_heads(k), all_heads(v), rule, all_heads(y), log_sum);
    attention_gradient(device, all_heads(q), all_heads(k), all_heads(v), rule, all_heads(y), log_sum,
                       all_heads(dy), all_heads(dq), all_heads(dk), all_heads(dv));
    fixture.check(y, name + ".y");
    fixture.check(dq, name + ".dq");
    fixture.check(dk, name + ".dk");
    fixture.check(dv, name + ".dv");
}

TEST_CASE("the slopes of linear biases are MPT's, for any number of heads") {
    const SafetensorsReader file(std::filesystem::path(LAPIDARY_TEST_DATA) / "golden" / "ops.safetensors");
    const std::vector<double> slopes = file.read<double>("attention_alibi.slopes");
    const AttentionRule rule{.alibi_bias_max = 8};
    for (Index h = 0; h < 5; ++h)
        CHECK(rule.alibi_slope(h, 5) == Approx(slopes[static_cast<std::size_t>(h)]).epsilon(1e-15));
    CHECK(rule.alibi_slope(0, 32) == Approx(0.8409).epsilon(1e-4));
    CHECK(rule.alibi_slope(31, 32) == Approx(1.0 / 256));
}

TEMPLATE_TEST_CASE("swiglu equals PyTorch's", "", Cpu, Reference) {
    TestType device;
    const Fixture<TestType> fixture(device);
    const auto dy = fixture.template place<2>("silu_mul.dy");
    const Index rows = dy.extent(0), inner = dy.extent(1);
    const auto join = [&](const std::string& left, const std::string& right) {
        const Values a = fixture.values(left), b = fixture.values(right);
        Values both;
        for (Index n = 0; n < rows; ++n) {
            both.data.insert(both.data.end(), a.data.begin() + n * inner, a.data.begin() + (n + 1) * inner);
            both.data.insert(both.data.end(), b.data.begin() + n * inner, b.data.begin() + (n + 1) * inner);
        }
        return both;
    };
    const auto gate_up = place(device, Shape<2>{rows, 2 * inner}, join("silu_mul.gate", "silu_mul.up"));
    const auto y = poisoned(device, dy.shape), dgate_up = poisoned(device, gate_up.shape);
    swiglu(device, gate_up, y);
    swiglu_gradient(device, gate_up, dy, dgate_up);
    fixture.check(y, "silu_mul.y");
    CHECK(relative_error(read(dgate_up), join("silu_mul.dgate", "silu_mul.dup")) < 2e-6);
}

TEMPLATE_TEST_CASE("cross entropy equals PyTorch's", "", Cpu, Reference) {
    TestType device;
    const Fixture<TestType> fixture(device);
    const auto logits = fixture.template place<2>("cross_entropy.logits");
    const std::vector<std::int32_t> targets = fixture.file().template read<std::int32_t>("cross_entropy.targets");
    const auto losses = poisoned(device, Shape<1>{logits.extent(0)});
    cross_entropy_gradient(device, logits, {targets.data(), losses.shape}, losses,
                           1.0 / static_cast<double>(losses.size()));
    fixture.check(losses, "cross_entropy.loss_per_row");
    fixture.check(logits, "cross_entropy.dlogits");
}

TEMPLATE_TEST_CASE("ten RMSprop steps equal PyTorch's", "", Cpu, Reference) {
    TestType device;
    const Fixture<TestType> fixture(device);
    const auto gradients = fixture.template place<2>("rmsprop.gradients");
    const std::vector<double> rates = fixture.values("rmsprop.rates").data;
    const auto check = [&](RmsPropUpdate update, const std::string& results) {
        const auto w = fixture.template place<1>("rmsprop.w");
        const auto v = place(device, w.shape, Values::constant(w.size(), 0));
        const auto steps = poisoned(device, gradients.shape);
        for (Index step = 0; step < gradients.extent(0); ++step) {
            update.rate = rates[static_cast<std::size_t>(step)];
            rmsprop(device, w, gradients.at(step), v, update);
            copy(device, w, steps.at(step));
        }
        fixture.check(steps, results + ".steps");
        fixture.check(v, results + ".v");
    };
    check({.decay = 0.9, .epsilon = 1e-6, .weight_decay = 0.1}, "rmsprop");
    check({}, "rmsprop.defaults");
}
