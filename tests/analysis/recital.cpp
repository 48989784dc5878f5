#include "analysis/support.hpp"
#include "catch.hpp"

#include <lapidary/analysis/memorization.hpp>
#include <lapidary/analysis/memorization_grid.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/families.hpp>
#include <lapidary/nn/initialize.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/train/train_step.hpp>

using namespace lapidary;
using namespace lapidary::test;

TEST_CASE("a model recites the chunk that it was trained on, and no other", "[memorization]") {
    const TemporaryDirectory folder;
    const TokenChunks data = small_data(folder.path(), 20, 50, 6);
    Cpu device({.threads = 2});
    const Amber model{AmberConfig{50, 32, 64, 2, 2, 2, 0, 20}};
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 3});
    const std::vector<Index> chunks{0, 1};
    MemorizationGrid grid(
        draw_memorization_sample(data, chunks, {.prefix = 4, .continuation = 10, .sequences = 1000}));
    const auto measure = [&](const std::string& name) {
        grid.add(name, state.step,
                 matches(grid.sample(), write_greedily(device, model, state.weights.view(), grid.sample())));
    };
    SingleProcess world;
    AdamW optimizer{.beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.0};
    measure("before");
    for (Index i = 0; i < 240; ++i) {  // only batches of the first chunk, over and over
        const Batch batch = data.batch(i % data.steps_per_chunk());
        train_step(device, world, model, state, batch, optimizer, 1e-2);
    }
    measure("after");
    CHECK(grid.tally(0).mean_score() < 0.15);
    const auto after = grid.by_chunk(1);
    CHECK(after[0].mean_score() > 0.8);
    CHECK(after[0].extractable_share() > 0.6);
    CHECK(after[1].mean_score() < 0.15);
    CHECK(after[1].extractable == 0);
    // What fills no batch was left out of training, and is not known.
    const auto tally = [&](bool seen) {
        return grid.tally(1, [&](Index i) {
            const SampledWindow& window = grid.sample().windows[static_cast<std::size_t>(i)];
            const auto steps = data.steps_of(window.chunk, window.row, data.steps_per_chunk());
            return window.chunk == 0 && steps.empty() != seen;
        });
    };
    CHECK(tally(true).mean_score() > 0.95);
    CHECK(tally(false).sequences == data.windows_per_chunk() % 6);
}
