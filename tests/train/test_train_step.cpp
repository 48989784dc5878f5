#include "catch.hpp"
#include "models/golden.hpp"
#include "train/support.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/schedule.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/train_step.hpp>

#include <limits>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// The windows of one step of a training fixture, and what of them counts.
Batch fixture_batch(const SafetensorsReader& file, Index step) {
    const auto windows = file.view<std::int32_t, 3>("tokens").at(step);
    Batch batch;
    batch.tokens = {windows.begin(), windows.end()};
    batch.batch = windows.extent(0);
    batch.context = windows.extent(1) - 1;
    if (!file.contains("mask")) return batch;
    for (const std::int32_t counted : file.view<std::int32_t, 3>("mask").at(step)) {
        batch.mask.push_back(static_cast<std::uint8_t>(counted));
    }
    return batch;
}

/// The weights after a few steps.
template <class Model = Amber>
std::vector<float> train(int threads, const StepOptions& options, Index steps = 3,
                         const typename Model::Config& config = odd_config(),
                         Recompute recompute = Recompute::nothing) {
    Cpu device({.threads = threads});
    SingleProcess world;
    const Model model{config, recompute};
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    const CosineSchedule rate{.peak = 1e-2, .floor = 1e-3, .warmup_steps = 1, .total_steps = 5};
    for (Index step = 0; step < steps; ++step) {
        train_step(device, world, model, state, random_batch(4, 270, 101, static_cast<std::uint64_t>(step)),
                   AdamW::of(model.config().recipe()), rate(step), options);
    }
    return state.weights.to_host();
}

}  // namespace

TEMPLATE_TEST_CASE("ten AdamW steps with clipping and schedule equal PyTorch's", "", Cpu, Reference) {
    TestType device;
    SingleProcess world;
    GoldenModel<TestType> start(device, "llama_tiny_adamw");
    TrainState<TestType> state(device, start.model.layout());
    copy(device, start.weights.view(), state.weights.view());
    const SafetensorsReader file(golden("llama_tiny_adamw.safetensors"));
    const Json expected = read_json(golden("llama_tiny_adamw.json"));
    const CosineSchedule rate{.peak = 1e-2, .floor = 1e-3, .warmup_steps = 3, .total_steps = 10};
    for (Index step = 0; step < 10; ++step) {
        const StepRecord record =
            train_step(device, world, start.model, state, fixture_batch(file, step), AdamW{}, rate(step));
        const Json& wanted = expected["steps"][static_cast<std::size_t>(step)];
        INFO("step " << step);
        CHECK(record.step == step);
        CHECK(record.loss == Approx(wanted["loss"].get<double>()).epsilon(1e-5));
        CHECK(record.gradient_norm == Approx(wanted["grad_norm"].get<double>()).epsilon(1e-5));
        CHECK(record.learning_rate == Approx(wanted["lr"].get<double>()).epsilon(1e-14));
    }
    for (const HuggingFaceTensor& tensor : start.tensors()) {
        INFO(tensor.name);
        CHECK(relative_error(start.values(tensor, state.weights.view()), fixture(file, "param." + tensor.name)) <
              1e-5);
    }
}

TEST_CASE("ten steps of CrystalCoder's optimizer with masked targets equal an independent implementation's") {
    Cpu device({.threads = 2});
    const GoldenModel<Cpu, CrystalCoder> start(device, "crystalcoder_adamw");
    const SafetensorsReader file(golden("crystalcoder_adamw.safetensors"));
    const Json expected = read_json(golden("crystalcoder_adamw.json"));
    TrainState<Cpu> state(device, start.model.layout());
    state.weights = start.weights.clone();
    SingleProcess world;
    const LinearSchedule rate{.peak = 2e-2, .floor = 2e-3, .warmup_steps = 3, .decay_steps = 7};
    for (Index step = 0; step < 10; ++step) {
        const StepRecord record =
            train_step(device, world, start.model, state, fixture_batch(file, step),
                       AdamW::of(start.model.config().recipe()), rate(step), {.micro_batch = 1});
        const Json& wanted = expected["steps"][static_cast<std::size_t>(step)];
        INFO("step " << step);
        CHECK(record.loss == Approx(wanted["loss"].get<double>()).epsilon(1e-5));
        CHECK(record.gradient_norm == Approx(wanted["grad_norm"].get<double>()).epsilon(1e-5));
        CHECK(record.learning_rate == Approx(wanted["lr"].get<double>()).epsilon(1e-14));
    }
    for (const HuggingFaceTensor& tensor : start.tensors()) {
        INFO(tensor.name);
        CHECK(relative_error(start.values(tensor, state.weights.view()), fixture(file, "param." + tensor.name)) <
              2e-5);
    }
}

TEST_CASE("threads, micro-batches and recomputation change no bit of the weights") {
    const std::vector<float> expected = train(1, {});
    for (const int threads : {2, 3, 7}) CHECK(train(threads, {}) == expected);
    for (const Index micro_batch : {1, 2, 3, 100}) CHECK(train(2, {.micro_batch = micro_batch}) == expected);
    for (const Recompute level : recompute_levels) {
        CHECK(train(2, {.micro_batch = 2}, 3, odd_config(), level) == expected);
    }
}

TEST_CASE("threads and micro-batches change no bit of other families' weights") {
    const auto check = [](auto config) {
        using Model = typename decltype(config)::Model;
        config.fit(101, 270);
        const std::vector<float> expected = train<Model>(1, {}, 2, config);
        CHECK(train<Model>(3, {.micro_batch = 1}, 2, config) == expected);
    };
    AmberConfig tied = odd_config();
    tied.tie_word_embeddings = true;
    check(tied);
    check(CrystalCoderConfig::at_width(60, 2, 3, 20));
    FalconConfig falcon;
    falcon.hidden_size = 60;
    falcon.num_attention_heads = 3;
    falcon.num_hidden_layers = 2;
    check(falcon);
    MptConfig mpt;
    mpt.d_model = 60;
    mpt.n_heads = 5;
    mpt.n_layers = 2;
    mpt.clip_qkv = 0.5;
    check(mpt);
}

TEST_CASE("lanes are summed along a tree, whatever the micro-batch") {
    const std::vector<float> expected = train(2, {.lanes = 4});
    CHECK(train(3, {.micro_batch = 1, .lanes = 4}) == expected);
    const std::vector<float> two = train(1, {.lanes = 2});
    CHECK(train(2, {.micro_batch = 1, .lanes = 2}) == two);
    double difference = 0;
    for (std::size_t i = 0; i < two.size(); ++i) difference += std::abs(two[i] - expected[i]);
    CHECK(difference / static_cast<double>(two.size()) < 1e-4);
    CHECK_THROWS_WITH(train(1, {.lanes = 3}), ContainsSubstring("power of two"));
    CHECK_THROWS_AS(train(1, {.lanes = 8}), Error);
}

TEST_CASE("the third step allocates nothing that the second did not") {
    Cpu device({.threads = 2});
    SingleProcess world;
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    const auto step = [&](std::uint64_t item) {
        train_step(device, world, model, state, random_batch(4, 270, 101, item), AdamW{}, 1e-3);
    };
    step(0);
    step(1);
    const std::size_t peak = device.scratch().peak();
    CHECK(device.scratch().used() == 0);
    step(2);
    CHECK(device.scratch().peak() == peak);
}

TEST_CASE("a loss that is not finite leaves the state as it was") {
    Cpu device({.threads = 2});
    SingleProcess world;
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    const Batch batch = random_batch(2, 30, 101, 0);
    train_step(device, world, model, state, batch, AdamW{}, 1e-3);
    state.weights.view()[model.layout().leaf("blocks.1.mlp.down").offset + 5] =
        std::numeric_limits<float>::infinity();
    const auto weights = state.weights.to_host(), m = state.m.to_host(), v = state.v.to_host();
    try {
        train_step(device, world, model, state, batch, AdamW{}, 1e-3);
        FAIL("not refused");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::not_finite);
        CHECK_THAT(error.what(), ContainsSubstring("step 1"));
    }
    CHECK(state.step == 1);
    CHECK(state.weights.to_host() == weights);
    CHECK(state.m.to_host() == m);
    CHECK(state.v.to_host() == v);
}

TEST_CASE("a token outside the vocabulary is named before anything is computed") {
    Cpu device({.threads = 1});
    SingleProcess world;
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout());
    Batch batch = random_batch(2, 30, 101, 0);
    batch.tokens[40] = 101;
    CHECK_THROWS_WITH(train_step(device, world, model, state, batch, AdamW{}, 1e-3),
                      "[tokens] token 101 in sequence 1 at position 9 is outside the vocabulary of 101");
    batch.tokens[40] = -1;
    CHECK_THROWS_AS(train_step(device, world, model, state, batch, AdamW{}, 1e-3), Error);
}

TEST_CASE("a batch longer than the context is refused") {
    Cpu device({.threads = 1});
    SingleProcess world;
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout());
    CHECK_THROWS_WITH(train_step(device, world, model, state, random_batch(1, 271, 101, 0), AdamW{}, 1e-3),
                      ContainsSubstring("271 tokens, but the context is 270"));
}

TEST_CASE("one batch is learnt by heart") {
    Cpu device({.threads = 2});
    SingleProcess world;
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    const Batch batch = random_batch(2, 40, 101, 0);
    double loss = 0;
    for (int i = 0; i < 80; ++i) loss = train_step(device, world, model, state, batch, AdamW{}, 5e-3).loss;
    CHECK(loss < 0.1);  // from 4.6
}

TEST_CASE("AMBER's schedule starts at exactly zero and ends at the floor") {
    const CosineSchedule amber;
    CHECK(amber(0) == 0.0);
    CHECK(amber(1000) == Approx(1.5e-4));
    CHECK(amber(2000) == Approx(3e-4));
    CHECK(amber((2000 + 274320) / 2) == Approx(1.65e-4));
    CHECK(amber(274320) == 3e-5);
    CHECK(amber(1000000) == 3e-5);
}
