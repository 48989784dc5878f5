// Every hand-written backward pass against central differences in double, on the Reference device.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/core/tensor.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/nn/initialize.hpp>
#include <lapidary/reference.hpp>

#include <functional>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// Compares a gradient with five-point central differences, for some elements of p.
void check_differences(View<double, 1> p, View<double, 1> gradient, const std::function<double()>& f,
                       Index samples = 40) {
    const Index stride = std::max<Index>(1, p.size() / samples);
    for (Index i = 0; i < p.size(); i += stride) {
        const double kept = p[i], h = 1e-4;
        const auto at = [&](double shift) {
            p[i] = kept + shift;
            const double value = f();
            p[i] = kept;
            return value;
        };
        const double slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
        INFO("element " << i);
        CHECK(gradient[i] == Approx(slope).epsilon(1e-7).margin(1e-9));
    }
}

/// Moves initial weights away from the linear range, and apart: gains that are all one would hide a gradient that
/// reads a neighbour's, or none.
void spread(View<double, 1> weights, double factor) {
    const Values noise = Values::normal(weights.size(), 4, 0.3);
    for (Index i = 0; i < weights.size(); ++i) {
        weights[i] = factor * weights[i] + noise.data[static_cast<std::size_t>(i)];
    }
}

/// A layer's input gradient and parameter gradients, with sum(y * r) for random r as the scalar function.
template <class L>
void check_layer_gradients(const typename L::Options& options, Index width) {
    Reference device;
    ParameterLayout layout;
    const L layer(layout, "layer", options);
    const Shape<3> shape{2, 5, width};
    Tensor<double, 1, Reference> weights(device, {layout.size()}), gradients(device, {layout.size()});
    initialize(device, layout, weights.view(), {.seed = 3});
    spread(weights.view(), 20);
    const auto x = place(device, shape, Values::normal(element_count(shape), 1));
    const auto r = place(device, shape, Values::normal(element_count(shape), 2));
    const auto dx = place(device, shape, Values::constant(element_count(shape), 0));
    const auto f = [&] {
        ScratchScope scope(device.scratch());
        typename L::template Saved<double> saved;
        const auto y = poisoned(device, shape);
        layer.forward(device, weights.view(), x, y, saved);
        double total = 0;
        for (Index i = 0; i < y.size(); ++i) total += y[i] * r[i];
        return total;
    };
    typename L::template Saved<double> saved;
    layer.forward(device, weights.view(), x, poisoned(device, shape), saved);
    layer.backward(device, weights.view(), saved, r, dx, Gradients<double>(gradients.view()));
    check_differences(x.flat(), dx.flat(), f);
    for (const Leaf& leaf : layout.leaves()) {
        INFO(leaf.name);
        check_differences(Parameters<double>(weights.view())[leaf], Parameters<double>(gradients.view())[leaf], f);
    }
    // Gradients are added to, not overwritten.
    const std::vector<double> once = gradients.to_host();
    layer.backward(device, weights.view(), saved, r, dx, Gradients<double>(gradients.view()));
    for (Index i = 0; i < layout.size(); ++i) {
        CHECK(gradients.view()[i] == Approx(2 * once[static_cast<std::size_t>(i)]).margin(1e-12));
    }
    // Where nobody wants them, the rest is the same.
    const auto alone = place(device, shape, Values::constant(element_count(shape), 0));
    layer.backward(device, weights.view(), saved, r, alone, Gradients<double>());
    for (Index i = 0; i < alone.size(); ++i) CHECK(2 * alone[i] == Approx(dx[i]).margin(1e-12));
}

}  // namespace

TEST_CASE("a layer that adds to gradients that nobody wants is told so") {
    ParameterLayout layout;
    const Slot<2> slot = layout.add("matrix", Shape<2>{2, 3}, Role::matrix, Initializer::normal(1));
    CHECK_THROWS_WITH(Gradients<double>()[slot], ContainsSubstring("it must look at gradients.frozen()"));
    std::vector<double> values(static_cast<std::size_t>(layout.size()));
    CHECK(Gradients<double>(View<double, 1>{values.data(), {layout.size()}})[slot].data == values.data());
}

TEST_CASE("RmsNorm's backward pass") { check_layer_gradients<RmsNorm>({.width = 12}, 12); }

TEST_CASE("Attention's backward pass") {
    using RotaryAttention = Attention<Rotary>;
    check_layer_gradients<RotaryAttention>(
        {.width = 12, .heads = 3, .kv_heads = 3, .head_size = 4, .position = {.size = 4}}, 12);
    check_layer_gradients<RotaryAttention>(
        {.width = 8, .heads = 4, .kv_heads = 2, .head_size = 6, .position = {.size = 2}}, 8);
}

TEST_CASE("LayerNorm's backward pass, with a bias and without") {
    check_layer_gradients<LayerNorm>({.width = 12, .bias = GENERATE(true, false)}, 12);
}

TEST_CASE("Attention's backward pass with biases, interleaved pairs, a window, linear biases, a limit") {
    using RotaryAttention = Attention<Rotary>;
    check_layer_gradients<RotaryAttention>({.width = 10,
                                            .heads = 5,
                                            .kv_heads = 1,
                                            .head_size = 6,
                                            .position = {.size = 4, .pairing = Pairing::interleaved},
                                            .scale = 1.0 / 6,
                                            .window = 3,
                                            .clip = 0.7,
                                            .qkv_bias = true,
                                            .output_bias = true,
                                            .recompute = GENERATE(Recompute::nothing, Recompute::block)},
                                           10);
    check_layer_gradients<Attention<Alibi>>(
        {.width = 9, .heads = 3, .kv_heads = 3, .head_size = 3, .position = {.bias_max = 8}, .clip = 0.5}, 9);
}

TEST_CASE("SwiGlu's backward pass") {
    check_layer_gradients<SwiGlu>({.width = 6,
                                   .inner = 9,
                                   .bias = GENERATE(true, false),
                                   .recompute = GENERATE(Recompute::nothing, Recompute::block)},
                                  6);
}

TEST_CASE("GeluMlp's backward pass") {
    check_layer_gradients<GeluMlp>({.width = 6,
                                    .inner = 9,
                                    .form = GENERATE(Gelu::erf, Gelu::tanh),
                                    .bias = GENERATE(true, false),
                                    .recompute = GENERATE(Recompute::nothing, Recompute::block)},
                                   6);
}

namespace {

/// The gradients of a whole model, some targets of which are not counted.
template <class Model>
void check_model_gradients(const Model& model) {
    Reference device;
    Tensor<double, 1, Reference> weights(device, {model.layout().size()}),
        gradients(device, {model.layout().size()});
    initialize(device, model.layout(), weights.view(), {.seed = 5});
    spread(weights.view(), 8);
    const std::vector<std::int32_t> inputs{3, 1, 4, 1, 5, 9, 2, 6, 5, 3}, targets{1, 4, -1, 5, 9, 2, 6, 5, 3, -1};
    const View<const std::int32_t, 2> x{inputs.data(), {2, 5}}, y{targets.data(), {2, 5}};
    std::vector<double> losses(2);
    model.loss_and_gradients(device, weights.view(), x, y, 0.1, losses, Gradients<double>(gradients.view()));
    const auto f = [&] {
        std::vector<double> values(2);
        model.loss(device, weights.view(), x, y, values);
        return 0.1 * (values[0] + values[1]);
    };
    for (const Leaf& leaf : model.layout().leaves()) {
        INFO(leaf.name);
        check_differences(Parameters<double>(weights.view())[leaf], Parameters<double>(gradients.view())[leaf], f,
                          15);
    }
}

}  // namespace

TEST_CASE("the backward pass of a whole model of two layers") {
    const bool tied = GENERATE(false, true);
    const Recompute recompute = GENERATE(Recompute::nothing, Recompute::block);
    AmberConfig config = AmberConfig::nano();
    config.vocab_size = 11;
    config.hidden_size = 12;
    config.intermediate_size = 10;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 1;
    config.tie_word_embeddings = tied;
    config.pad_token_id = tied ? -1 : 0;
    check_model_gradients(Amber{config, recompute});
}

TEST_CASE(
    "the backward pass of parallel blocks with a norm for both branches or for each, and of every multiplier") {
    using Wide = ParallelBlock<LayerNorm, Attention<Rotary>, GeluMlp>;
    const DecoderOptions<Wide::Options> options{
        .embedding = {.vocabulary = 11, .width = 12, .multiplier = 3},
        .block = {.norm = {12},
                  .attention = {.width = 12, .heads = 2, .kv_heads = 1, .head_size = 6, .position = {.size = 2}},
                  .mlp = {.width = 12, .inner = 10},
                  .shared_norm = GENERATE(true, false)},
        .layers = 2,
        .context = 5,
        .head = {.tied = GENERATE(true, false), .bias = true, .multiplier = 0.7}};
    check_model_gradients(Decoder<Wide>(options, GENERATE(Recompute::nothing, Recompute::block)));
}

TEST_CASE("the frozen embedding row starts at zero and receives no gradient, from a tied head either") {
    const bool tied = GENERATE(false, true);
    Reference device;
    AmberConfig config = AmberConfig::nano(7);
    config.tie_word_embeddings = tied;
    const Amber model{config};
    Tensor<double, 1, Reference> weights(device, {model.layout().size()}),
        gradients(device, {model.layout().size()});
    initialize(device, model.layout(), weights.view(), {.seed = 5});
    const std::vector<std::int32_t> ids{0, 3, 0, 2};
    std::vector<double> losses(1);
    const View<const std::int32_t, 2> x{ids.data(), {1, 4}};
    model.loss_and_gradients(device, weights, x, x, 1, losses, gradients);
    for (const auto& flat : {weights.view(), gradients.view()}) {
        const auto table = Parameters<double>(flat)[model.layout().leaf("embedding")];
        for (Index c = 0; c < config.hidden_size; ++c) CHECK(table[c] == 0.0);
        CHECK(table[2 * config.hidden_size] != 0.0);
    }
}

TEST_CASE("a user's type that is no layer is told what it lacks") {
    struct NotALayer {
        struct Options {};
    };
    STATIC_REQUIRE(HasOptions<NotALayer>);
    STATIC_REQUIRE_FALSE(HasSaved<NotALayer>);
    STATIC_REQUIRE_FALSE(Layer<NotALayer>);
    STATIC_REQUIRE(Layer<SwiGlu>);
    STATIC_REQUIRE(Layer<Attention<Rotary>>);
    STATIC_REQUIRE(CachedLayer<Attention<Rotary>>);
    STATIC_REQUIRE_FALSE(CachedLayer<SwiGlu>);
    STATIC_REQUIRE(Block<AmberBlock>);
    STATIC_REQUIRE(HasForwardAdd<Attention<Alibi>>);
    STATIC_REQUIRE(HasCachedForwardAdd<Attention<Rotary>>);
    STATIC_REQUIRE_FALSE(HasForwardAdd<RmsNorm>);
    STATIC_REQUIRE_FALSE(Block<SwiGlu>);
}
