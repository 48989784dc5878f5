// Training on windows of packed documents that are kept apart.

#include "catch.hpp"
#include "io/support.hpp"
#include "support/documents.hpp"
#include "train/support.hpp"

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/mpt.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/train/evaluate.hpp>
#include <lapidary/train/train_step.hpp>

#include <mutex>

using namespace lapidary;
using namespace lapidary::test;

namespace {

Batch packed_batch(Index batch, Index context, std::uint64_t item) {
    Batch result = random_batch(batch, context, 101, item);
    result.starts = random_starts(batch, context, context / 2, item);
    return result;
}

struct Run {
    int threads = 1;
    Index micro_batch = 0;
    int ranks = 1;
    Zero zero = Zero::off;
    Recompute recompute = Recompute::nothing;
    bool stops = false;  // after the second step, and goes on from a checkpoint
};

struct Result {
    std::vector<float> weights;
    double loss = 0, validation = 0;
    friend bool operator==(const Result&, const Result&) = default;
};

template <class Model>
Result train(const typename Model::Config& config, const Run& run) {
    const Model model(config, run.recompute);
    const io_test::TemporaryDirectory folder;
    Result result;
    std::mutex mutex;
    const auto body = [&](auto& world, Index first, Index last) {
        Cpu device({.threads = run.threads});
        TrainState<Cpu> state(device, model.layout(),
                              {.ranks = world.size(), .rank = world.rank(), .zero = run.zero});
        if (first == 0) {
            initialize(device, model, state, {.seed = 4});
        } else {
            read_checkpoint(device, world, model, state, folder / "middle");
        }
        double loss = 0;
        for (Index step = first; step < last; ++step) {
            const Batch batch = packed_batch(4, model.context(), static_cast<std::uint64_t>(step));
            loss = train_step(device, world, model, state, batch, AdamW{}, 1e-2,
                              {.micro_batch = run.micro_batch, .lanes = 2})
                       .loss;
        }
        const double validation =
            mean_loss(device, world, model, state, packed_batch(3, model.context(), 9), run.micro_batch);
        save_checkpoint(device, world, model, state, folder / (last < 4 ? "middle" : "end"));
        const std::lock_guard lock(mutex);
        result.loss = loss;
        result.validation = validation;
    };
    const auto start = [&](Index first, Index last) {
        SingleProcess alone;
        run.ranks == 1 ? body(alone, first, last)
                       : Threads::run(run.ranks, [&](Threads& world) { body(world, first, last); });
    };
    if (run.stops) start(0, 2);
    start(run.stops ? 2 : 0, 4);
    Cpu device({.threads = 1});
    TrainState<Cpu> state(device, model.layout());
    read_checkpoint(device, model, state, folder / "end");
    result.weights = state.weights.to_host();
    return result;
}

template <class Config>
void check_bits(const Config& config) {
    using Model = typename Config::Model;
    const Result expected = train<Model>(config, {});
    CHECK(train<Model>(config, {.threads = 2, .micro_batch = 1}) == expected);
    CHECK(train<Model>(config, {.threads = 2, .recompute = Recompute::block}) == expected);
    CHECK(train<Model>(config, {.micro_batch = 1, .recompute = Recompute::norms}) == expected);
    CHECK(train<Model>(config, {.ranks = 2}) == expected);
    CHECK(train<Model>(config, {.micro_batch = 1, .ranks = 2, .zero = Zero::weights}) == expected);
    CHECK(train<Model>(config, {.ranks = 2, .zero = Zero::gradients, .stops = true}) == expected);
    CHECK(train<Model>(config, {.stops = true}) == expected);
}

/// One step's loss of a new model.
double first_loss(const Batch& batch) {
    Cpu device({.threads = 2});
    SingleProcess world;
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    const double loss = mean_loss(device, model, state.weights.view(), batch);
    CHECK(mean_loss(device, world, model, state, batch) == loss);
    CHECK(train_step(device, world, model, state, batch, AdamW{}, 1e-2).loss == Approx(loss).epsilon(1e-12));
    return loss;
}

}  // namespace

TEST_CASE("training on documents that are kept apart: nothing that is no part of the run changes a bit") {
    SECTION("rotary") {
        AmberConfig config = odd_config();
        config.max_position_embeddings = 140;
        check_bits(config);
    }
    SECTION("linear biases") {
        MptConfig config;
        config.fit(101, 140);
        config.d_model = 60;
        config.n_heads = 5;
        config.n_layers = 2;
        check_bits(config);
    }
}

TEST_CASE("documents that are kept apart are another run than those that are not") {
    const Batch apart = packed_batch(2, 60, 1);
    Batch together = apart;
    together.starts.clear();
    CHECK(std::abs(first_loss(apart) - first_loss(together)) > 1e-4);
    CHECK(batch_hash(apart) != batch_hash(together));
    Batch whole = apart;
    std::fill(whole.starts.begin(), whole.starts.end(), 0);
    CHECK(first_loss(whole) == first_loss(together));
}

TEST_CASE("the loss of a packed window is that of its documents") {
    Batch packed = random_batch(1, 60, 101, 1);
    packed.tokens[20] = packed.tokens[44] = 7;
    for (std::size_t i = 0; i < packed.tokens.size(); ++i) {
        if (i != 20 && i != 44 && packed.tokens[i] == 7) packed.tokens[i] = 8;
    }
    packed.separate_documents(7);
    CHECK(packed.starts[20] == 0);
    CHECK(packed.starts[21] == 21);
    CHECK(packed.starts[45] == 45);
    CHECK(packed.starts[59] == 45);
    double sum = 0;
    for (const auto& [first, count] : {std::pair<Index, Index>{0, 21}, {21, 24}, {45, 15}}) {
        Batch alone;
        alone.batch = 1;
        alone.context = count;
        alone.tokens.assign(packed.tokens.begin() + first, packed.tokens.begin() + first + count + 1);
        sum += first_loss(alone) * static_cast<double>(count);
    }
    CHECK(first_loss(packed) == Approx(sum / 60).epsilon(1e-6));
}

TEST_CASE("starts where no document can begin are refused, with their place") {
    Cpu device({.threads = 1});
    SingleProcess world;
    const Amber model{odd_config()};
    TrainState<Cpu> state(device, model.layout());
    const auto step = [&](std::vector<std::int32_t> starts) {
        Batch batch = random_batch(2, 4, 101, 0);
        batch.starts = std::move(starts);
        CHECK_THROWS_AS(mean_loss(device, model, state.weights.view(), batch), Error);
        train_step(device, world, model, state, batch, AdamW{}, 1e-3);
    };
    CHECK_THROWS_WITH(
        step({0, 0, 2, 2, 0, 1, 1, 4}),
        "[batch] start 4 in sequence 1 at position 3: a document begins there or, as for the position "
        "before, at 1");
    CHECK_THROWS_WITH(step({0, 0, 2, 2, 1, 1, 1, 1}), ContainsSubstring("start 1 in sequence 1 at position 0"));
    CHECK_THROWS_WITH(step({0, 0, 2, 1, 0, 0, 0, 0}), ContainsSubstring("start 1 in sequence 0 at position 3"));
    CHECK_THROWS_WITH(step({0, -1, 2, 2, 0, 0, 0, 0}), ContainsSubstring("start -1 in sequence 0 at position 1"));
    CHECK_THROWS_WITH(step({0, 0, 2, 2}),
                      "[batch] starts has 4 elements, but 2 sequences of context 4 take 2 x 4");
}

TEST_CASE("ranks that were given other documents say so") {
    const Amber model{odd_config()};
    CHECK_THROWS_WITH(Threads::run(2,
                                   [&](Threads& world) {
                                       Cpu device({.threads = 1});
                                       TrainState<Cpu> state(device, model.layout(),
                                                             {.ranks = world.size(), .rank = world.rank()});
                                       initialize(device, model, state, {.seed = 4});
                                       Batch batch = packed_batch(2, 20, 1);
                                       if (world.rank() == 1) batch.starts.clear();
                                       train_step(device, world, model, state, batch, AdamW{}, 1e-3, {.lanes = 2});
                                   }),
                      ContainsSubstring("was given another batch"));
}
