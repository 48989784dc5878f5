#include "catch.hpp"
#include "train/support.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/gptj.hpp>
#include <lapidary/models/mpt.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/optim/schedule.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/evaluate.hpp>
#include <lapidary/train/state_digest.hpp>
#include <lapidary/train/train_step.hpp>

#include <limits>
#include <map>
#include <mutex>

using namespace lapidary;
using namespace lapidary::test;

namespace {

struct Run {
    int ranks = 1;
    Zero zero = Zero::off;
    Index micro_batch = 0;
    int threads = 1;
    Index lanes = 8;
    Index batch = 16;
    Index steps = 3;  // the first one at a rate of zero
    Recompute recompute = Recompute::nothing;
    bool rmsprop = false;  // or AdamW
};

struct Result {
    std::vector<float> weights, m, v;
    std::vector<std::uint64_t> digests;
    std::vector<double> losses, norms;
    double validation = 0;
    friend bool operator==(const Result&, const Result&) = default;
};

// Blocks large enough that eight ranks have a part of them.
AmberConfig wide_config() {
    AmberConfig config = odd_config();
    config.hidden_size = 120;
    config.intermediate_size = 301;
    config.num_hidden_layers = 3;
    config.max_position_embeddings = 40;
    return config;
}

/// What this rank has of a vector, put into the whole one.
void collect(const TrainState<Cpu>& state, const Tensor<float, 1, Cpu>& vector, Zero level,
             std::vector<float>& whole) {
    whole.resize(static_cast<std::size_t>(state.shards.units().back().end()));
    for (Index u = 0; u < state.shards.unit_count(); ++u) {
        const Range from = state.own(u, level), to = state.shards.own(u);
        std::copy_n(vector.view().data + from.first, from.count, whole.begin() + to.first);
    }
}

template <class Model, class World>
void train_on(World& world, const typename Model::Config& config, const Run& run, std::mutex& mutex,
              Result& result) {
    Cpu device({.threads = run.threads});
    const Model model{config, run.recompute};
    TrainState<Cpu> state(device, model.layout(), {.ranks = world.size(), .rank = world.rank(), .zero = run.zero},
                          run.rmsprop ? Moments::second : Moments::full);
    initialize(device, model, state, {.seed = 4});
    const CosineSchedule rate{.peak = 1e-2, .floor = 1e-3, .warmup_steps = 1, .total_steps = 5};
    std::vector<double> losses, norms;
    for (Index step = 0; step < run.steps; ++step) {
        const Batch batch = random_batch(run.batch, model.context(), 101, static_cast<std::uint64_t>(step));
        const auto step_of = [&](const auto& optimizer) {
            return train_step(device, world, model, state, batch, optimizer, rate(step),
                              {.micro_batch = run.micro_batch, .lanes = run.lanes});
        };
        const StepRecord record = run.rmsprop ? step_of(RmsProp{.decay = 0.9, .weight_decay = 0.1})
                                              : step_of(AdamW::of(model.config().recipe()));
        losses.push_back(record.loss);
        norms.push_back(record.gradient_norm);
    }
    const double validation = mean_loss(device, world, model, state, random_batch(5, model.context(), 101, 100));
    const std::vector<std::uint64_t> digests = state_digest(device, world, model.layout(), state);
    const std::lock_guard lock(mutex);
    collect(state, state.weights, Zero::weights, result.weights);
    if (state.has_first_moment()) collect(state, state.m, Zero::moments, result.m);
    collect(state, state.v, Zero::moments, result.v);
    if (world.rank() == world.size() - 1) {
        result.digests = digests;
        result.losses = losses;
        result.norms = norms;
        result.validation = validation;
    }
}

template <class Model = Amber>
Result train(const Run& run, const typename Model::Config& config) {
    std::mutex mutex;
    Result result;
    if (run.ranks == 1) {
        SingleProcess world;
        train_on<Model>(world, config, run, mutex, result);
    } else {
        Threads::run(run.ranks, [&](Threads& world) { train_on<Model>(world, config, run, mutex, result); });
    }
    return result;
}

}  // namespace

TEST_CASE("ranks, sharding, micro-batches and threads change no bit of state, losses, norms or validation") {
    const AmberConfig config = wide_config();
    const Result expected = train({}, config);
    CHECK(expected.weights != train({.steps = 2}, config).weights);
    // A Latin square of the grid; tests/programs runs it with checkpoints, and all of it with --long.
    const std::vector<Run> runs{{2, Zero::off, 1, 1},       {4, Zero::off, 2, 2},       {8, Zero::off, 1, 2},
                                {2, Zero::moments, 2, 2},   {4, Zero::moments, 1, 1},   {8, Zero::moments, 2, 1},
                                {2, Zero::gradients, 1, 2}, {4, Zero::gradients, 2, 1}, {8, Zero::gradients, 1, 1},
                                {2, Zero::gradients, 2, 1}, {2, Zero::weights, 2, 1},   {4, Zero::weights, 1, 2},
                                {8, Zero::weights, 2, 1},   {1, Zero::weights, 1, 2}};
    for (const Run& run : runs) {
        INFO(run.ranks << " ranks, ZeRO-" << static_cast<int>(run.zero) << ", micro-batch " << run.micro_batch);
        CHECK(train(run, config) == expected);
    }
}

TEST_CASE("nor with an optimizer that keeps no first moment") {
    const AmberConfig config = wide_config();
    const Result expected = train({.rmsprop = true}, config);
    CHECK(expected.m.empty());
    CHECK(expected.weights != train({}, config).weights);
    CHECK(std::any_of(expected.v.begin(), expected.v.end(), [](float element) { return element != 0; }));
    for (Run run : {Run{1, Zero::off, 2, 4}, Run{2, Zero::off, 1, 2}, Run{4, Zero::moments, 2, 1},
                    Run{8, Zero::moments, 1, 1}, Run{2, Zero::gradients, 2, 2}, Run{8, Zero::gradients, 1, 1},
                    Run{2, Zero::weights, 1, 1}, Run{8, Zero::weights, 2, 1}}) {
        INFO(run.ranks << " ranks, ZeRO-" << static_cast<int>(run.zero) << ", micro-batch " << run.micro_batch);
        run.rmsprop = true;
        CHECK(train(run, config) == expected);
    }
}

TEST_CASE("an optimizer that needs the first moment says so") {
    const Amber model{odd_config()};
    for (const Zero zero : {Zero::off, Zero::moments}) {
        CHECK_THROWS_WITH(Threads::run(2,
                                       [&](Threads& world) {
                                           Cpu device({.threads = 1});
                                           TrainState<Cpu> state(device, model.layout(),
                                                                 {.ranks = 2, .rank = world.rank(), .zero = zero},
                                                                 Moments::second);
                                           initialize(device, model, state, {.seed = 4});
                                           train_step(device, world, model, state, random_batch(2, 30, 101, 0),
                                                      AdamW{}, 1e-3, {.lanes = 2});
                                       }),
                          ContainsSubstring("[adamw] first moments have 0 elements"));
    }
}

TEST_CASE("recomputation, tied heads and other families neither, however sharded") {
    const auto check = [](auto config, auto of_model, Recompute recompute = Recompute::nothing) {
        using Model = typename decltype(of_model)::type;
        const Run one{.lanes = 4, .batch = 8};
        const Result expected = train<Model>(one, config);
        for (const Zero zero : {Zero::off, Zero::moments, Zero::gradients, Zero::weights}) {
            for (const Index micro_batch : {1, 2}) {
                const Run run{.ranks = 2,
                              .zero = zero,
                              .micro_batch = micro_batch,
                              .lanes = 4,
                              .batch = 8,
                              .recompute = recompute};
                INFO("ZeRO-" << static_cast<int>(zero) << ", micro-batch " << micro_batch);
                CHECK(train<Model>(run, config) == expected);
            }
        }
    };
    check(wide_config(), std::type_identity<Amber>{}, Recompute::block);
    AmberConfig tied = wide_config();
    tied.tie_word_embeddings = true;
    check(tied, std::type_identity<Amber>{});
    // A tied head with a bias larger than a block: both ends of the model are in use at once, and neither is
    // small.
    GptJConfig wide_ends;
    wide_ends.fit(2000, 40);
    wide_ends.n_embd = 8;
    wide_ends.n_head = 2;
    wide_ends.n_layer = 2;
    wide_ends.rotary_dim = 4;
    wide_ends.tie_word_embeddings = true;
    check(wide_ends, std::type_identity<typename GptJConfig::Model>{});
    MptConfig mpt;
    mpt.fit(101, 40);
    mpt.d_model = 60;
    mpt.n_heads = 5;
    mpt.n_layers = 2;
    check(mpt, std::type_identity<typename MptConfig::Model>{});
}

TEST_CASE("lanes are part of a run, ranks are not") {
    const AmberConfig config = wide_config();
    CHECK(train({.lanes = 4}, config).weights != train({.lanes = 8}, config).weights);
    CHECK(train({.ranks = 4, .lanes = 4, .steps = 1}, config) == train({.lanes = 4, .steps = 1}, config));
}

TEST_CASE("lanes that do not fit are refused with what to change") {
    const AmberConfig config = odd_config();
    CHECK_THROWS_WITH(train({.ranks = 3, .lanes = 4}, config),
                      "[train_step] 4 lanes cannot be shared out over 3 ranks: start a power of two of them");
    CHECK_THROWS_WITH(train({.ranks = 4, .lanes = 2}, config),
                      ContainsSubstring("4 ranks for 2 lanes: start at most"));
    CHECK_THROWS_WITH(train({.ranks = 2, .lanes = 6}, config),
                      ContainsSubstring("power of two that divides the batch"));
}

TEST_CASE("ranks that are given different batches, and batches that are not what they say, are refused") {
    const auto refused = [](const std::string& text, auto&& change) {
        CHECK_THROWS_WITH(
            Threads::run(2,
                         [&](Threads& world) {
                             Cpu device({.threads = 1});
                             const Amber model{odd_config()};
                             TrainState<Cpu> state(device, model.layout(), {.ranks = 2, .rank = world.rank()});
                             initialize(device, model, state, {.seed = 4});
                             Batch batch = random_batch(4, 30, 101, 0);
                             change(world.rank(), batch);
                             train_step(device, world, model, state, batch, AdamW{}, 1e-3, {.lanes = 2});
                         }),
            ContainsSubstring(text));
    };
    refused("rank 1 was given another batch than rank 0", [](int rank, Batch& batch) { batch.tokens[7] += rank; });
    refused("tokens has 20 elements, but 4 sequences of context 30 take 4 x 31",
            [](int, Batch& batch) { batch.tokens.resize(20); });
    refused("mask has 3 elements", [](int, Batch& batch) { batch.mask.resize(3); });
    refused("0 sequences of 30 tokens", [](int, Batch& batch) { batch.batch = 0; });
}

TEST_CASE("a state of other ranks is refused") {
    Cpu device({.threads = 1});
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout(), {.ranks = 2, .rank = 1});
    SingleProcess world;
    CHECK_THROWS_WITH(train_step(device, world, model, state, random_batch(2, 30, 101, 0), AdamW{}, 1e-3),
                      ContainsSubstring("rank 1 of 2, but this is rank 0 of 1"));
    CHECK_THROWS_AS(TrainState<Cpu>(device, model.layout(), {.ranks = 2, .rank = 2}), Error);
}

TEST_CASE("a loss that is not finite ends the step on all ranks and changes no state") {
    for (const Zero zero : {Zero::off, Zero::weights}) {
        std::mutex mutex;
        int refused = 0;
        CHECK_THROWS_WITH(
            Threads::run(4,
                         [&](Threads& world) {
                             Cpu device({.threads = 1});
                             const Amber model{wide_config()};
                             TrainState<Cpu> state(device, model.layout(),
                                                   {.ranks = world.size(), .rank = world.rank(), .zero = zero});
                             initialize(device, model, state, {.seed = 4});
                             const Range own = state.own(1, Zero::weights);
                             if (own.count > 5 && world.rank() == 1) {
                                 state.weights.view()[own.first + 5] = std::numeric_limits<float>::infinity();
                             }
                             const auto before = state.weights.to_host();
                             try {
                                 train_step(device, world, model, state, random_batch(8, 40, 101, 0), AdamW{},
                                            1e-3, {.lanes = 4});
                             } catch (const Error& error) {
                                 const std::lock_guard lock(mutex);
                                 refused +=
                                     error.code() == ErrorCode::not_finite && state.weights.to_host() == before;
                                 throw;
                             }
                         }),
            ContainsSubstring("not finite") || ContainsSubstring("loss"));
        CHECK(refused == 4);
    }
}

TEST_CASE("a rank that dies within a step ends the others") {
    for (const Zero zero : {Zero::off, Zero::gradients, Zero::weights}) {
        std::mutex mutex;
        std::vector<std::string> errors;
        CHECK_THROWS_WITH(
            Threads::run(4,
                         [&](Threads& world) {
                             Cpu device({.threads = 1});
                             const Amber model{wide_config()};
                             TrainState<Cpu> state(device, model.layout(),
                                                   {.ranks = world.size(), .rank = world.rank(), .zero = zero});
                             initialize(device, model, state, {.seed = 4});
                             Batch batch = random_batch(8, 40, 101, 0);
                             if (world.rank() == 2) batch.tokens[40] = 101;
                             try {
                                 train_step(device, world, model, state, batch, AdamW{}, 1e-3, {.lanes = 4});
                             } catch (const Error& error) {
                                 const std::lock_guard lock(mutex);
                                 errors.push_back(error.what());
                                 throw;
                             }
                         }),
            ContainsSubstring("outside the vocabulary"));
        REQUIRE(errors.size() == 4);
        int told = 0;
        for (const std::string& error : errors)
            told += error.find("rank 2 ended with an error") != std::string::npos;
        CHECK(told == 3);
    }
}
