#include "catch.hpp"
#include "checkpoint/support.hpp"

#include <lapidary/checkpoint/checkpoint_saver.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/optim/rmsprop.hpp>

#include <stdexcept>

using namespace checkpoint_test;
using namespace io_test;

namespace {

// For ranks: a test library's assertions are for one thread.
void expect(bool holds, const char* otherwise) {
    if (!holds) throw std::logic_error(otherwise);
}

/// A run of `lanes` 8 on any number of ranks, from a checkpoint (or the beginning) to a step, saved.
template <class Model, class World, class Optimizer>
void continue_on(World& world, const Model& model, const Optimizer& optimizer, Zero zero, const fs::path& from,
                 Index steps, const fs::path& to) {
    Cpu device({.threads = 1});
    TrainState<Cpu> state(device, model.layout(), {.ranks = world.size(), .rank = world.rank(), .zero = zero},
                          std::is_same_v<Optimizer, RmsProp> ? Moments::second : Moments::full);
    if (from.empty()) {
        initialize(device, model, state, {.seed = 3});
    } else {
        const Json cursor = read_checkpoint(device, world, model, state, from);
        expect(cursor == Json({{"next_step", state.step}}), "the cursor is another one");
    }
    const CosineSchedule rate{.peak = 1e-2, .floor = 1e-3, .warmup_steps = 1, .total_steps = 8};
    while (state.step < steps) {
        const Batch batch = test::random_batch(8, 12, 50, static_cast<std::uint64_t>(state.step));
        train_step(device, world, model, state, batch, optimizer, rate(state.step), {.lanes = 8});
    }
    save_checkpoint(device, world, model, state, to, {.tokenizer = {}, .cursor = {{"next_step", state.step}}});
}

template <class Model, class Optimizer = AdamW>
void run(int ranks, const Model& model, Zero zero, const fs::path& from, Index steps, const fs::path& to,
         const Optimizer& optimizer = {}) {
    if (ranks == 1) {
        SingleProcess world;
        return continue_on(world, model, optimizer, zero, from, steps, to);
    }
    Threads::run(ranks, [&](Threads& world) { continue_on(world, model, optimizer, zero, from, steps, to); });
}

// Wide enough for several ranks to have a part of a block.
AmberConfig wide_config() {
    AmberConfig config = small_config();
    config.hidden_size = 96;
    config.intermediate_size = 150;
    return config;
}

}  // namespace

TEST_CASE("a checkpoint saved by any number of ranks goes on with any other, to the same bytes") {
    const TemporaryDirectory directory;
    const Amber model{wide_config()};
    run(1, model, Zero::off, {}, 4, directory / "whole");
    const Contents expected = contents(directory / "whole");
    const std::vector<Zero> levels{Zero::off, Zero::moments, Zero::gradients, Zero::weights};
    int count = 0;
    for (const int p : {1, 2, 4, 8}) {
        const fs::path half = directory / ("half_" + std::to_string(p));
        run(p, model, levels[static_cast<std::size_t>(count % 4)], {}, 2, half);
        CHECK(contents(half) == contents(directory / "half_1"));
        for (const int q : {1, 2, 4, 8}) {
            const fs::path end = directory / ("end_" + std::to_string(count));
            INFO(p << " ranks, then " << q);
            run(q, model, levels[static_cast<std::size_t>(++count % 4)], half, 4, end);
            CHECK(contents(end) == expected);
        }
        ++count;
    }
}

TEST_CASE("so does one without a first moment") {
    const TemporaryDirectory directory;
    const Amber model{wide_config()};
    const RmsProp optimizer{.decay = 0.9, .weight_decay = 0.1};
    run(1, model, Zero::off, {}, 4, directory / "whole", optimizer);
    const Contents expected = contents(directory / "whole");
    run(1, model, Zero::off, {}, 4, directory / "adamw");
    CHECK(10 * expected.at("state/moments.safetensors").size() <
          6 * fs::file_size(directory / "adamw/state/moments.safetensors"));
    struct Half {
        int ranks;
        Zero zero;
        int then;
        Zero then_zero;
    };
    for (const auto& [ranks, zero, then, then_zero] :
         {Half{1, Zero::off, 8, Zero::moments}, Half{2, Zero::moments, 1, Zero::off},
          Half{4, Zero::gradients, 2, Zero::weights}, Half{8, Zero::weights, 4, Zero::gradients}}) {
        INFO(ranks << " ranks, then " << then);
        const fs::path half = directory / ("half_" + std::to_string(ranks)),
                       end = directory / ("end_" + std::to_string(ranks));
        run(ranks, model, zero, {}, 2, half, optimizer);
        run(then, model, then_zero, half, 4, end, optimizer);
        CHECK(contents(end) == expected);
    }
}

TEST_CASE("tensors that files have transposed or in another order are gathered too") {
    const TemporaryDirectory directory;
    CrystalCoderConfig config = CrystalCoderConfig::at_width(64, 2, 4, 12);
    config.fit(50, 12);
    const CrystalCoder model{config};
    run(1, model, Zero::off, {}, 2, directory / "one");
    run(4, model, Zero::weights, {}, 2, directory / "four");
    CHECK(contents(directory / "four") == contents(directory / "one"));
    run(2, model, Zero::weights, directory / "four", 2, directory / "two");
    CHECK(contents(directory / "two") == contents(directory / "one"));
}

TEST_CASE("a checkpoint in the background has the bytes of the step it was begun at, while training goes on") {
    const TemporaryDirectory directory;
    const Amber model{wide_config()};
    const auto background = [&](auto& world, Zero zero, const std::string& name) {
        Cpu device({.threads = 1});
        TrainState<Cpu> state(device, model.layout(), {.ranks = world.size(), .rank = world.rank(), .zero = zero});
        initialize(device, model, state, {.seed = 3});
        CheckpointSaver<Cpu> saver;
        saver.start(device, world, model, state, directory / (name + "_0"),
                    {.tokenizer = {}, .cursor = {{"next_step", 0}}});
        fill(device, state.weights.view(), 1);
        fill(device, state.m.view(), 2);
        state.step = 5;
        while (saver.poll(device, world)) {
        }
        expect(!saver.poll(device, world), "still under way");
        saver.start(device, world, model, state, directory / (name + "_5"));
        saver.start(device, world, model, state, directory / (name + "_5_again"));  // waits for the first
        saver.finish(device, world);
        saver.finish(device, world);
        {
            CheckpointSaver<Cpu> dropped;
            dropped.start(device, world, model, state, directory / (name + "_dropped"));
            barrier(world);
        }
    };
    SingleProcess alone;
    run(1, model, Zero::off, {}, 0, directory / "expected");
    background(alone, Zero::off, "one");
    Threads::run(4, [&](Threads& world) { background(world, Zero::weights, "four"); });
    for (const std::string name : {"one", "four"}) {
        CHECK(contents(directory / (name + "_0")) == contents(directory / "expected"));
        CHECK(contents(directory / (name + "_5")) == contents(directory / "one_5_again"));
        CHECK(contents(directory / (name + "_5_again")) == contents(directory / "one_5"));
        CHECK(!fs::exists(directory / (name + "_dropped")));
        CHECK(!fs::exists(directory / ("." + name + "_dropped.partial")));
    }
}

TEST_CASE("a checkpoint that cannot be written is an error on all ranks, and nothing appears") {
    const TemporaryDirectory directory;
    const Amber model{wide_config()};
    run(1, model, Zero::off, {}, 0, directory / "taken");
    const Contents before = contents(directory / "taken");
    check_throws(
        ErrorCode::value, [&] { run(4, model, Zero::off, {}, 0, directory / "taken"); }, "taken: exists already");
    CHECK(contents(directory / "taken") == before);
    CHECK(!fs::exists(directory / ".taken.partial"));
    put(directory / "file", "in the way");
    check_throws(
        ErrorCode::io, [&] { run(2, model, Zero::off, {}, 0, directory / "file" / "below"); }, "file");
}

TEST_CASE("a damaged checkpoint is refused on any number of ranks") {
    const TemporaryDirectory directory;
    const Amber model{wide_config()};
    run(2, model, Zero::off, {}, 0, directory / "whole");
    const fs::path file = directory / "whole" / "model.safetensors";
    std::string text = read_text(file);
    text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
    put(file, text);
    for (const int ranks : {1, 2, 4}) {
        check_throws(
            ErrorCode::integrity,
            [&] { run(ranks, model, Zero::off, directory / "whole", 0, directory / "again"); },
            "model.safetensors", "SHA-256");
    }
}
