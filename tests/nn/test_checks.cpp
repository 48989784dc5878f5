// What layers and models refuse before they touch memory.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/eval/key_value_caches.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/nn/initialize.hpp>
#include <lapidary/reference.hpp>

#include <cmath>
#include <limits>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// A small model with weights, and its functions on given weights.
struct Small {
    Reference device;
    Amber model{config()};
    Tensor<double, 1, Reference> weights{device, {model.layout().size()}};
    std::vector<std::int32_t> ids = std::vector<std::int32_t>(8, 1);
    std::vector<double> losses = std::vector<double>(1);

    static AmberConfig config() {
        AmberConfig config = AmberConfig::nano(7, 8);
        config.hidden_size = 8;
        config.intermediate_size = 4;
        config.num_hidden_layers = 2;
        return config;
    }

    [[nodiscard]] View<const std::int32_t, 2> tokens(Index count) const { return {ids.data(), {1, count}}; }

    void logits(Weights<double> some) {
        model.logits(device, some, tokens(3), scratch(device, Shape<3>{1, 3, 7}));
    }
    void loss(Weights<double> some) { model.loss(device, some, tokens(3), tokens(3), losses); }
    void gradients(Weights<double> some, Gradients<double> into) {
        model.loss_and_gradients(device, some, tokens(3), tokens(3), 1, losses, into);
    }
    void next(std::span<const KeyValueCache<double>> caches, Index past, Index count, Weights<double> some) {
        model.next_logits(device, some, tokens(count), caches, past, scratch(device, Shape<2>{1, 7}));
    }
};

template <class L>
void build(const typename L::Options& options) {
    ParameterLayout layout;
    const L layer(layout, "layer", options);
}

}  // namespace

TEST_CASE("a model refuses weights and gradients of another size, naming both") {
    Small small;
    const Index size = small.model.layout().size();
    Tensor<double, 1, Reference> other(small.device, {size - 32});
    const std::string sizes = std::to_string(size - 32) + " elements, the layout has " + std::to_string(size);
    const KeyValueCaches<Reference> caches(small.device, small.model, 1, 8);
    CHECK_THROWS_WITH(small.logits(other), "[decoder] weights have " + sizes);
    CHECK_THROWS_WITH(small.loss(other), "[decoder] weights have " + sizes);
    CHECK_THROWS_WITH(small.gradients(other, small.weights), "[decoder] weights have " + sizes);
    CHECK_THROWS_WITH(small.gradients(small.weights, other), "[decoder] gradients have " + sizes);
    CHECK_THROWS_WITH(small.next(caches.layers(), 0, 3, other), "[decoder] weights have " + sizes);
    CHECK_THROWS_WITH(small.loss({}), ContainsSubstring("weights have 0 elements"));
    CHECK_THROWS_WITH(initialize(small.device, small.model.layout(), other.view(), {}),
                      "[initialize] weights have " + sizes);
    Tensor<double, 1, Reference> fitting(small.device, {size});
    CHECK_NOTHROW(small.gradients(small.weights, fitting));
}

TEST_CASE("a model refuses tokens that its caches or its context cannot hold") {
    Small small;
    const KeyValueCaches<Reference> caches(small.device, small.model, 1, 6), two(small.device, small.model, 2, 6);
    const auto next = [&](Index past, Index count) { small.next(caches.layers(), past, count, small.weights); };
    CHECK_NOTHROW(next(4, 2));
    CHECK_THROWS_WITH(next(4, 3), "[decoder] a cache for 6 tokens, but there are 7");
    CHECK_THROWS_WITH(next(6, 3), "[decoder] 3 tokens, but the context is 8, of which 6 are taken");
    CHECK_THROWS_AS(next(-1, 3), Error);
    CHECK_THROWS_AS(next(5, 0), Error);
    CHECK_THROWS_AS(next(std::numeric_limits<Index>::max(), 3), Error);
    CHECK_THROWS_WITH(small.next(caches.layers().first(1), 0, 3, small.weights),
                      "[decoder] 1 caches for 2 layers");
    const CachedSequence third{2, 0};
    CHECK_THROWS_WITH(
        small.model.next_logits(small.device, Weights<double>(small.weights), small.tokens(3), two.layers(),
                                std::span(&third, 1), scratch(small.device, Shape<2>{1, 7})),
        ContainsSubstring("[heads] 1 sequences from 2 on are not in [2, 6, 4, 2]"));
    CHECK_THROWS_WITH(
        small.model.next_logits(small.device, Weights<double>(small.weights), small.tokens(3), two.layers(),
                                std::span<const CachedSequence>(), scratch(small.device, Shape<2>{1, 7})),
        "[decoder] ids of 1 sequences for 0");
    CHECK_THROWS_AS(KeyValueCaches<Reference>(small.device, small.model, -1, 6), Error);
    CHECK_THROWS_AS(KeyValueCaches<Reference>(small.device, small.model, Index{1} << 40, Index{1} << 40), Error);
}

TEST_CASE("a model of no layers is an embedding, a norm and a head") {
    Reference device;
    auto options = DecoderOptions<AmberBlock::Options>(Small::config());
    options.layers = 0;
    const Decoder<AmberBlock> model(options);
    Tensor<double, 1, Reference> weights(device, {model.layout().size()});
    initialize(device, model.layout(), weights.view(), {.seed = 1});
    const std::int32_t ids[] = {1, 2, 1};
    const auto whole = poisoned(device, Shape<3>{1, 3, 7});
    model.logits(device, weights, {ids, {1, 3}}, whole);
    CHECK(read(whole.at(0).at(0)).data == read(whole.at(0).at(2)).data);
    const KeyValueCaches<Reference> caches(device, model, 1, 3);
    const auto last = poisoned(device, Shape<2>{1, 7});
    model.next_logits(device, weights, {ids, {1, 3}}, caches.layers(), 0, last);
    CHECK(read(last).data == read(whole.at(0).at(2)).data);
}

TEST_CASE("layers name an option that is out of its range") {
    using RotaryAttention = Attention<Rotary>;
    const RotaryAttention::Options good{
        .width = 8, .heads = 4, .kv_heads = 2, .head_size = 2, .position = {.size = 2}};
    const auto attention = [&](auto change) {
        RotaryAttention::Options options = good;
        change(options);
        build<RotaryAttention>(options);
    };
    const Index huge = Index{1} << 40;
    CHECK_NOTHROW(attention([](auto&) {}));
    CHECK_THROWS_WITH(attention([](auto& o) { o.width = 0; }), "[attention] width is 0: it must be in [1, 2^30]");
    CHECK_THROWS_WITH(attention([](auto& o) { o.heads = -4; }),
                      "[attention] heads is -4: it must be in [1, 2^30]");
    CHECK_THROWS_WITH(attention([](auto& o) { o.kv_heads = 3; }),
                      "[attention] kv_heads is 3: it must divide heads, 4");
    CHECK_THROWS_WITH(attention([&](auto& o) { o.head_size = huge; }),
                      ContainsSubstring("head_size is 1099511627776"));
    CHECK_THROWS_WITH(attention([](auto& o) { o.initial = Initializer::normal(NAN); }),
                      ContainsSubstring("initial is nan"));
    CHECK_THROWS_WITH(attention([](auto& o) { o.position.size = 0; }),
                      "[rotary] size is 0: it must be in [1, 2^30]");
    CHECK_THROWS_WITH(attention([](auto& o) { o.position.size = 3; }), "[rotary] size is 3: it must be even");
    CHECK_THROWS_WITH(attention([](auto& o) { o.position.theta = -1; }),
                      ContainsSubstring("[rotary] theta is -1"));
    // Each within its own bounds, too many together.
    CHECK_THROWS_AS(attention([](auto& o) { o.width = o.heads = o.head_size = Index{1} << 30; }), Error);

    CHECK_THROWS_WITH(build<RmsNorm>({.width = 0}), ContainsSubstring("[rms_norm] width is 0"));
    CHECK_THROWS_WITH(build<RmsNorm>({.width = 4, .epsilon = -1e-6}),
                      "[rms_norm] epsilon is -1e-06: it must be in (0, 1)");
    CHECK_THROWS_WITH(build<SwiGlu>({.width = 4, .inner = 0}), ContainsSubstring("[swiglu] inner is 0"));
    CHECK_THROWS_WITH(build<SwiGlu>({.width = huge, .inner = 4}),
                      ContainsSubstring("[swiglu] width is 1099511627776"));
    CHECK_THROWS_WITH(build<Embedding>({.vocabulary = 0, .width = 4}),
                      ContainsSubstring("[embedding] vocabulary is 0"));
    CHECK_THROWS_WITH(build<Embedding>({.vocabulary = 5, .width = 4, .frozen_row = 5}),
                      "[embedding] frozen_row is 5: it must be -1 or a row of the vocabulary");

    auto options = DecoderOptions<AmberBlock::Options>(Small::config());
    options.layers = -1;
    CHECK_THROWS_WITH(Decoder<AmberBlock>(options), "[decoder] layers is -1: it must be in [0, 4096]");
    options.layers = 1;
    options.context = 0;
    CHECK_THROWS_WITH(Decoder<AmberBlock>(options), "[decoder] context is 0: it must be in [1, 2^30]");
}
