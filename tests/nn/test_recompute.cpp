// Levels of recomputation: the same bits, and what is kept for them.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/core/tensor.hpp>
#include <lapidary/counting.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/models/mpt.hpp>
#include <lapidary/models/pythia.hpp>
#include <lapidary/nn/initialize.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/plan.hpp>

#include <span>
#include <string>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// A layer as a user may write one: without `forward_add`, without levels.
template <class L>
class Plain {
public:
    struct Options {
        typename L::Options layer{};
    };
    template <class T>
    struct Saved {
        typename L::template Saved<T> layer;
    };

    Plain(ParameterLayout& layout, const std::string& name, const Options& options)
        : layer_(layout, name, options.layer) {}

    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        layer_.forward(device, weights, x, y, saved.layer);
    }
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        layer_.forward(device, weights, x, y, cache, sequences);
    }
    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        layer_.backward(device, weights, saved.layer, dy, dx, gradients);
    }
    static Shape<4> cache_shape(const Options& options, Index batch, Index time) {
        return L::cache_shape(options.layer, batch, time);
    }

private:
    L layer_;
};

constexpr Index vocabulary = 61, context = 140;  // a block of sums over tokens is shorter

/// Loss and gradients of two sequences.
template <class Model>
std::vector<float> run(const Model& model) {
    Cpu device({.threads = 2});
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()}), gradients(device, {model.layout().size()});
    initialize(device, model.layout(), weights.view(), {.seed = 7});
    std::vector<std::int32_t> inputs, targets;
    for (std::int32_t i = 0; i < 2 * context; ++i) {
        inputs.push_back(i * i % static_cast<std::int32_t>(vocabulary));
        targets.push_back((i * 7 + 3) % static_cast<std::int32_t>(vocabulary));
    }
    std::vector<double> losses(2);
    model.loss_and_gradients(device, Weights<float>(weights.view()), {inputs.data(), {2, context}},
                             {targets.data(), {2, context}}, 0.01, losses, Gradients<float>(gradients.view()));
    CHECK(device.scratch().used() == 0);
    std::vector<float> result = gradients.to_host();
    for (const double loss : losses) result.push_back(static_cast<float>(loss));
    return result;
}

template <class Config>
void check_levels(Config config) {
    config.fit(vocabulary, context);
    using Model = typename Config::Model;
    const std::vector<float> expected = run(Model(config));
    for (const Recompute level : recompute_levels) {
        INFO(name_of(level));
        const Model model(config, level);
        CHECK(model.options().block.recompute == level);
        CHECK(run(model) == expected);
    }
}

}  // namespace

TEST_CASE("no level of recomputation changes a bit of loss or gradients") {
    SECTION("amber") {
        AmberConfig config = AmberConfig::nano();
        config.hidden_size = 36;
        config.intermediate_size = 50;
        config.num_hidden_layers = 2;
        config.num_attention_heads = 3;
        config.num_key_value_heads = 1;
        check_levels(config);
    }
    SECTION("crystalcoder: layer norms, biases") { check_levels(CrystalCoderConfig::at_width(48, 2, 3, 16)); }
    SECTION("neox: parallel branches with a norm each") {
        NeoxConfig config;
        config.hidden_size = 48;
        config.intermediate_size = 70;
        config.num_hidden_layers = 2;
        config.num_attention_heads = 3;
        check_levels(config);
    }
    SECTION("mpt: a limit of queries, keys and values") {
        MptConfig config;
        config.d_model = 36;
        config.n_heads = 3;
        config.n_layers = 2;
        config.clip_qkv = 0.5;
        check_levels(config);
    }
}

namespace {

template <class Options, class Inner>
void set(Options& options, const Inner& inner) {
    if constexpr (requires { options.layer; }) {
        options.layer = inner;
    } else {
        options = inner;
    }
}

/// What a block makes of two sequences, forward and backward.
template <class B>
std::vector<double> run_block(Recompute level, bool shared_norm) {
    typename B::Options options;
    options.norm = {24};
    set(options.attention,
        Attention<Rotary>::Options{
            .width = 24, .heads = 3, .kv_heads = 3, .head_size = 8, .position = {.size = 4}, .clip = 0.3});
    set(options.mlp, GeluMlp::Options{.width = 24, .inner = 40});
    options.recompute = level;
    if constexpr (requires { options.shared_norm; }) options.shared_norm = shared_norm;

    Reference device;
    ParameterLayout layout;
    const B block(layout, "block", options);
    Tensor<double, 1, Reference> weights(device, {layout.size()}), gradients(device, {layout.size()});
    initialize(device, layout, weights.view(), {.seed = 3});
    const Shape<3> shape{2, 9, 24};
    const auto x = place(device, shape, Values::normal(element_count(shape), 1));
    const auto d = place(device, shape, Values::normal(element_count(shape), 2));
    const auto y = poisoned(device, shape);
    typename B::template Saved<double> saved;
    block.forward(device, weights.view(), x, y, saved);
    block.backward(device, weights.view(), saved, d, Gradients<double>(gradients.view()));
    std::vector<double> result = gradients.to_host();
    result.insert(result.end(), y.begin(), y.end());
    result.insert(result.end(), d.begin(), d.end());
    return result;
}

template <template <class, class, class> class B>
void check_plain_layers(bool shared_norm) {
    using Attend = Attention<Rotary>;
    const auto expected = run_block<B<LayerNorm, Attend, GeluMlp>>(Recompute::nothing, shared_norm);
    for (const Recompute level : recompute_levels) {
        INFO(name_of(level) << (shared_norm ? ", one norm" : ""));
        CHECK(run_block<B<LayerNorm, Attend, GeluMlp>>(level, shared_norm) == expected);
        CHECK(run_block<B<LayerNorm, Attend, Plain<GeluMlp>>>(level, shared_norm) == expected);
        CHECK(run_block<B<LayerNorm, Plain<Attend>, GeluMlp>>(level, shared_norm) == expected);
        CHECK(run_block<B<LayerNorm, Plain<Attend>, Plain<GeluMlp>>>(level, shared_norm) == expected);
    }
}

}  // namespace

TEST_CASE("blocks give the same bits with layers that have no levels and do not add to the residual path") {
    check_plain_layers<SequentialBlock>(false);
    check_plain_layers<ParallelBlock>(GENERATE(true, false));
}

TEST_CASE("what a block of AMBER 7B keeps of a token in bf16, at each level") {
    const DecoderOptions<AmberBlock::Options> model = AmberConfig::amber_7b();
    const Index tokens = 2048;
    const auto kept = [&](Recompute level) {
        AmberBlock::Options options = model.block;
        options.recompute = level;
        BasicCounting<bf16> device;
        ParameterLayout layout;
        const AmberBlock block(layout, "block", options);
        const auto weights = scratch(device, Shape<1>{layout.size()});
        const auto x = scratch(device, Shape<3>{1, tokens, 4096}), y = scratch(device, x.shape);
        const std::size_t before = device.scratch().used();
        AmberBlock::Saved<bf16> saved;
        block.forward(device, Weights<bf16>(weights), x, y, saved);
        CHECK(saved.mlp.gate_up.empty() == (level >= Recompute::mlp));
        CHECK(saved.attention.qkv.empty() == (level >= Recompute::qkv));
        CHECK(saved.attention.x.empty() == (level >= Recompute::norms));
        return static_cast<Index>(device.scratch().used() - before) / tokens;
    };
    const Index vector = 2 * 4096, norms = 2 * vector, statistics = 2 * 4, log_sum = 32 * 4;
    const Index gate_up = 2 * 2 * 11008, qkv = 3 * vector, mixed_and_middle = 2 * vector;
    CHECK(kept(Recompute::nothing) == norms + gate_up + qkv + mixed_and_middle + log_sum + statistics);
    CHECK(kept(Recompute::norms) == gate_up + qkv + mixed_and_middle + log_sum + statistics);
    CHECK(kept(Recompute::mlp) == qkv + mixed_and_middle + log_sum + statistics);
    CHECK(kept(Recompute::qkv) == mixed_and_middle + log_sum + statistics);
    CHECK(kept(Recompute::block) == 0);
}

TEST_CASE("every level of AMBER 7B needs less memory than the one before, and more operations or as many") {
    BasicCounting<bf16> device;
    const std::vector<LevelPlan> plans = plan_levels<Amber>(device, AmberConfig::amber_7b(), 1, 2048);
    REQUIRE(plans.size() == recompute_levels.size());
    for (std::size_t i = 1; i < plans.size(); ++i) {
        INFO(name_of(plans[i].level));
        CHECK(plans[i].level == recompute_levels[i]);
        CHECK(plans[i].step.activations < plans[i - 1].step.activations);
        CHECK(plans[i].step.operations_per_token() >= plans[i - 1].step.operations_per_token());
        const auto bytes = static_cast<double>(plans[i].step.activations);
        CHECK(cheapest_that_fits(plans, bytes)->level == plans[i].level);
        CHECK(plan_loss(device, Amber(AmberConfig::amber_7b(), plans[i].level), 1, 2048) <
              plans[i].step.activations);
    }
    CHECK(cheapest_that_fits(plans, 1e12)->level == Recompute::nothing);
    CHECK(cheapest_that_fits(plans, 1e6) == nullptr);
    // 32 layers keep 93320 bytes a token each; the rest is one block's backward pass.
    CHECK(plans[1].step.activations > std::size_t{2048} * 32 * 93320);
    CHECK(plans[1].step.activations < std::size_t{2048} * 32 * 97320);
}

TEST_CASE("a model whose blocks have no levels says so") {
    using Base = SequentialBlock<RmsNorm, Attention<Rotary>, SwiGlu>;
    struct Bare : Base {
        struct Options {
            RmsNorm::Options norm{8};
        };
        Bare(ParameterLayout& layout, const std::string& name, const Options& options)
            : Base(layout, name,
                   {.norm = options.norm,
                    .attention = {.width = 8, .heads = 1, .kv_heads = 1, .head_size = 8, .position = {.size = 8}},
                    .mlp = {.width = 8, .inner = 8}}) {}
        static Shape<4> cache_shape(const Options&, Index batch, Index time) { return {batch, time, 1, 8}; }
    };
    using Model = Decoder<Bare>;
    const Model::Config config{.embedding = {.vocabulary = 5, .width = 8}, .layers = 1, .context = 8};
    CHECK_NOTHROW(Model(config));
    CHECK_THROWS_WITH(Model(config, Recompute::norms), "[decoder] the options of its blocks have no `recompute`");
}
