#include "catch.hpp"
#include "io/support.hpp"
#include "train/support.hpp"

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/checkpoint/model_weights.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/eval/generate.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/models/pythia.hpp>
#include <lapidary/models/tuned_model.hpp>
#include <lapidary/nn/merge_adapters.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/preference_step.hpp>
#include <lapidary/train/train_step.hpp>

#include <cmath>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

AmberConfig small_config(bool tied = false) {
    AmberConfig config = odd_config();
    config.vocab_size = 29;
    config.hidden_size = 12;
    config.intermediate_size = 10;
    config.num_attention_heads = 2;
    config.tie_word_embeddings = tied;
    config.max_position_embeddings = 40;
    return config;
}

/// Weights of a base, and adapters of which B is not zero, so that A has gradients.
template <Device D, class Model>
struct Adapted {
    D& device;
    Model model;
    Tensor<Scalar<D>, 1, D> base;
    TunedModel<Model, D> tuned;
    TrainState<D> state;

    Adapted(D& on, const typename Model::Config& config, const LoraOptions& lora, Sharding sharding = {})
        : device(on),
          model(config, Recompute::nothing, adapter_plan(config, lora)),
          base(device, {model.layout().size()}),
          tuned(model, base.view()),
          state(device, tuned.layout(), sharding) {
        initialize(device, model.layout(), {0, model.layout().size()}, base.view(), {.seed = 4});
        initialize(device, tuned, state, {.seed = 5});
    }
    void fill_b() {
        for (const Leaf& leaf : tuned.layout().leaves()) {
            if (!leaf.name.ends_with("lora_B")) continue;
            for (Index i = 0; i < leaf.size(); ++i) {
                state.weights.view().data[leaf.offset + i] =
                    static_cast<Scalar<D>>(0.1 * std::sin(static_cast<double>(leaf.offset + i)));
            }
        }
    }
};

}  // namespace

TEST_CASE("a plan names modules as peft does") {
    const AmberConfig config = small_config();
    const AdapterPlan all = adapter_plan(config, {});
    CHECK(all.parts.size() == 8);  // qkv, output, gate_up and down of two blocks
    CHECK(all.parts.at("blocks.0.attention.qkv").size() == 3);
    CHECK(all.parts.at("blocks.1.mlp.gate_up").size() == 2);
    CHECK(adapted_modules(config, all) ==
          std::vector<std::string>{"down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"});
    const AdapterPlan some = adapter_plan(config, {.rank = 4, .alpha = 8, .targets = {"v_proj", "q_proj"}});
    REQUIRE(some.parts.size() == 2);
    const std::vector<Range>& parts = some.parts.at("blocks.0.attention.qkv");
    CHECK(parts == std::vector<Range>{{0, 12}, {18, 6}});
    CHECK(adapted_modules(config, some) == std::vector<std::string>{"q_proj", "v_proj"});
    const auto tensors = adapter_tensors(config, some);
    REQUIRE(tensors.size() == 8);
    CHECK(tensors[2].name == "base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight");
    CHECK(tensors[2].shape() == std::vector<Index>{4, 12});
    CHECK(tensors[2].rows[0].first == 4);
    CHECK(tensors[3].shape() == std::vector<Index>{6, 4});
    CHECK(tensors[3].rows[0].first == 12);
    CHECK(some.scale() == 2);
    CHECK(AdapterPlan{.rank = 4, .alpha = 8, .rank_stabilized = true}.scale() == 4);

    // One name ends two modules of GPT-NeoX and CrystalCoder: `dense`, `c_proj`.
    const CrystalCoderConfig crystal = CrystalCoderConfig::presets()[1].second;
    const AdapterPlan attention = adapter_plan(crystal, {.targets = {"attn.c_proj"}});
    CHECK(adapted_modules(crystal, attention) == std::vector<std::string>{"attn.c_proj"});
    const NeoxConfig neox = NeoxConfig::presets()[0].second;
    const AdapterPlan fused = adapter_plan(neox, {.targets = {"query_key_value"}});
    CHECK(fused.parts.at("blocks.0.attention.qkv") == std::vector<Range>{{0, 3 * neox.hidden_size}});

    using Catch::Matchers::Contains;
    CHECK_THROWS_WITH(adapter_plan(config, {.targets = {"c_attn"}}), Contains("'c_attn'") && Contains("v_proj"));
    CHECK_THROWS_WITH(adapter_plan(config, {.rank = 0}), Contains("rank"));
    CHECK_THROWS_WITH(adapter_plan(config, {.alpha = -1}), Contains("alpha"));
    CHECK_THROWS_WITH(Amber(config, Recompute::nothing, {.rank = 2, .alpha = 1, .parts = {{"head", {{0, 3}}}}}),
                      Contains("no matrix 'head'"));
    CHECK_THROWS_WITH(
        Amber(config, Recompute::nothing, {.rank = 2, .alpha = 1, .parts = {{"blocks.0.mlp.down", {{8, 8}}}}}),
        Contains("blocks.0.mlp.down") && Contains("12"));
    const Amber plain{config};
    const std::vector<float> base(static_cast<std::size_t>(plain.layout().size()));
    CHECK_THROWS_WITH((TunedModel<Amber, Cpu>(plain, {base.data(), {plain.layout().size()}})),
                      Contains("no adapters"));
}

TEST_CASE("adapters that were just made change no bit, and unmerged ones do what merged ones do") {
    const std::vector<std::string> targets =
        GENERATE(std::vector<std::string>{}, std::vector<std::string>{"q_proj", "v_proj"},
                 std::vector<std::string>{"o_proj"});
    Cpu device({.threads = 2});
    Adapted<Cpu, Amber> adapted(device, small_config(), {.rank = 3, .alpha = 5, .targets = targets});
    const Batch batch = random_batch(3, 33, 29, 1);
    const Amber plain{small_config()};
    SingleProcess world;
    const auto losses = [&](const auto& model, auto weights) {
        return sequence_losses(device, world, model, Weights<float>(weights), batch);
    };
    const std::vector<double> before = losses(plain, adapted.base.view());
    CHECK(losses(adapted.tuned, adapted.state.weights.view()) == before);
    CHECK(losses(adapted.model, adapted.base.view()) == before);  // adapters left out
    adapted.fill_b();
    const std::vector<double> after = losses(adapted.tuned, adapted.state.weights.view());
    CHECK(after != before);
    merge_adapters(device, adapted.model.layout(), adapted.base.view(), adapted.state.weights.view());
    const std::vector<double> merged = losses(plain, adapted.base.view());
    for (std::size_t i = 0; i < after.size(); ++i) CHECK(merged[i] == Approx(after[i]).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("gradients of adapters are those of the loss", "", AmberConfig, CrystalCoderConfig,
                   NeoxConfig) {
    using Model = typename TestType::Model;
    Reference device;
    SingleProcess world;
    TestType config;
    if constexpr (std::is_same_v<TestType, AmberConfig>) {
        config = small_config(GENERATE(false, true));
    } else {
        config = TestType::presets()[1].second;
        config.fit(29, 40);
        if constexpr (std::is_same_v<TestType, CrystalCoderConfig>) {
            config.n_embd = 16, config.n_inner = 12, config.n_layer = 2, config.n_head = 2, config.rotary_dim = 4;
        } else {
            config.hidden_size = 16, config.intermediate_size = 12, config.num_hidden_layers = 2,
            config.num_attention_heads = 2;
        }
    }
    Adapted<Reference, Model> adapted(device, config, {.rank = 2, .alpha = 3});
    adapted.fill_b();
    auto& state = adapted.state;
    Batch batch = random_batch(2, 9, 29, 2);
    batch.mask.assign(18, 1);
    for (std::size_t i = 0; i < 5; ++i) batch.mask[i] = 0;
    const StepOptions refused{.mean = LossMean::counted, .accept = [](const StepRecord&) { return false; }};
    const auto before = adapted.base.to_host();
    train_step(device, world, adapted.tuned, state, batch, AdamW{}, 0.0, refused);
    std::size_t looked_at = 0;
    for (const Leaf& leaf : adapted.tuned.layout().leaves()) {
        for (Index i = leaf.offset; i < leaf.offset + leaf.size(); i += 1 + leaf.size() / 4) {
            double& weight = state.weights.view().data[i];
            const double value = weight, e = 1e-5;
            const auto loss = [&](double at) {
                weight = at;
                return mean_loss(device, world, adapted.tuned, state, batch, 0, LossMean::counted);
            };
            const double slope = (loss(value + e) - loss(value - e)) / (2 * e);
            weight = value;
            INFO(leaf.name << " " << i);
            CHECK(state.gradients.view()[i] == Approx(slope).epsilon(1e-5).margin(1e-9));
            ++looked_at;
        }
    }
    CHECK(looked_at > 40);
    CHECK(adapted.base.to_host() == before);
}

TEST_CASE("adapters that no file could hold, and files of another scale, are refused") {
    const AmberConfig config = small_config();
    Cpu device({.threads = 1});
    const Amber odd(config, Recompute::nothing,
                    {.rank = 2, .alpha = 4, .parts = {{"blocks.0.mlp.gate_up", {{2, 4}}}}});
    Tensor<float, 1, Cpu> base(device, {odd.layout().size()});
    using Catch::Matchers::Contains;
    CHECK_THROWS_WITH((TunedModel<Amber, Cpu>(odd, base.view())),
                      Contains("no modules of a file") || Contains("of which 0"));
    CHECK_THROWS_WITH(
        Amber(config, Recompute::nothing, {.rank = 2, .alpha = 4, .parts = {{"blocks.0.mlp.down", {}}}}),
        Contains("0 parts"));
    CHECK_THROWS_WITH(
        Amber(config, Recompute::nothing, {.rank = 2, .alpha = NAN, .parts = {{"blocks.0.mlp.down", {{0, 12}}}}}),
        Contains("alpha must be positive"));

    const io_test::TemporaryDirectory folder;
    const Adapted<Cpu, Amber> adapted(device, config, {.rank = 3, .alpha = 6});
    save_checkpoint(device, adapted.tuned, adapted.state, folder / "adapters");
    const Adapted<Cpu, Amber> same(device, config, {.rank = 3, .alpha = 6});
    CHECK(model_weights(device, same.tuned, folder / "adapters").to_host() == adapted.state.weights.to_host());
    for (const LoraOptions& other : {LoraOptions{.rank = 3, .alpha = 60},
                                     {.rank = 3, .alpha = 6, .rank_stabilized = true},
                                     {.rank = 4, .alpha = 6}}) {
        const Adapted<Cpu, Amber> wrong(device, config, other);
        CHECK_THROWS_WITH(model_weights(device, wrong.tuned, folder / "adapters"),
                          Contains("adapter_config.json") && Contains("alpha 6.000000"));
        TrainState<Cpu> state(device, wrong.tuned.layout());
        CHECK_THROWS_WITH(read_checkpoint(device, wrong.tuned, state, folder / "adapters"), Contains("rank 3"));
    }
}

TEST_CASE("a model with adapters writes text as its merged weights do") {
    Cpu device({.threads = 2});
    Adapted<Cpu, Amber> adapted(device, small_config(), {.rank = 3, .alpha = 5});
    adapted.fill_b();
    const std::vector<std::vector<std::int32_t>> prompts{{1, 2, 3}, {4, 5}};
    const GenerateOptions options{.max_tokens = 12};
    const auto written = generate_batch(device, adapted.tuned, adapted.state.weights.view(), prompts, options);
    const auto before = generate_batch(device, Amber(small_config()), adapted.base.view(), prompts, options);
    merge_adapters(device, adapted.model.layout(), adapted.base.view(), adapted.state.weights.view());
    CHECK(written == generate_batch(device, Amber(small_config()), adapted.base.view(), prompts, options));
    CHECK(written != before);
    CHECK(written[0].size() == 12);
}

TEST_CASE("threads, micro-batches, ranks and sharding change no bit of adapters") {
    const auto train = [](int threads, int ranks, Zero zero, Index micro_batch, bool pairs) {
        std::vector<float> result;
        Threads::run(ranks, [&](Threads& world) {
            Cpu device({.threads = threads});
            Adapted<Cpu, Amber> adapted(device, odd_config(), {.rank = 3, .alpha = 6},
                                        {.ranks = ranks, .rank = world.rank(), .zero = zero});
            const StepOptions options{.micro_batch = micro_batch, .lanes = 4, .mean = LossMean::sequences};
            std::vector<double> losses;
            for (std::uint64_t step = 0; step < 3; ++step) {
                const Batch batch = random_batch(8, 45, 101, step);
                if (pairs) {
                    // The reference is the base: the same weights without adapters.
                    const std::vector<double> reference =
                        sequence_log_probs(device, world, adapted.model, adapted.base.view(), batch);
                    losses.push_back(preference_step(device, world, adapted.tuned, adapted.state, batch, reference,
                                                     PreferenceLoss{}, AdamW{}, 1e-2, options)
                                         .loss);
                } else {
                    losses.push_back(
                        train_step(device, world, adapted.tuned, adapted.state, batch, AdamW{}, 1e-2, options)
                            .loss);
                }
            }
            losses.push_back(mean_loss(device, world, adapted.tuned, adapted.state, random_batch(4, 45, 101, 9)));
            if (world.rank() != 0) return;
            for (const double loss : losses) result.push_back(static_cast<float>(loss));
        });
        return result;
    };
    const bool pairs = GENERATE(false, true);
    const std::vector<float> expected = train(1, 1, Zero::off, 0, pairs);
    CHECK(expected[2] != expected[0]);
    CHECK(train(3, 1, Zero::off, 2, pairs) == expected);
    CHECK(train(1, 2, Zero::moments, 0, pairs) == expected);
    CHECK(train(1, 4, Zero::gradients, 2, pairs) == expected);
    CHECK(train(2, 2, Zero::weights, 0, pairs) == expected);
}
