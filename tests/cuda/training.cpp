// Training in mixed precision on a GPU or its stand-in: runs repeat, stop and go on, ranks change nothing, and
// what is learned is what single precision learns.

#include "io/support.hpp"
#include "support.hpp"
#include "train/support.hpp"

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/cuda/kernels.cuh>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/optim/schedule.hpp>
#include <lapidary/train/train_step.hpp>

#include <cmath>
#include <utility>

using namespace lapidary;
using namespace lapidary::test;

namespace {

using Gpu16 = decltype(own_gpu<bf16>());

AmberConfig small_config() {
    AmberConfig config = AmberConfig::nano();
    config.vocab_size = 37;
    config.hidden_size = 32;
    config.intermediate_size = 48;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 1;
    config.max_position_embeddings = 12;
    return config;
}

// Text with something to learn: every token follows from the one before it, but for some noise.
Batch learnable_batch(Index batch, Index context, Index vocabulary, std::uint64_t item) {
    Batch result = random_batch(batch, context, vocabulary, item);
    for (std::size_t i = 1; i < result.tokens.size(); ++i) {
        if (i % static_cast<std::size_t>(context + 1) != 0 && result.tokens[i] % 4 != 0)
            result.tokens[i] = static_cast<std::int32_t>((5 * result.tokens[i - 1] + 1) % vocabulary);
    }
    return result;
}

/// With AdamW or, where the state keeps no first moment, RMSprop.
template <class D, class World>
std::vector<double> train(D& device, World& world, const Amber& model, TrainState<D>& state, Index until,
                          Index sequences = 4, double peak = 1e-2) {
    std::vector<double> losses;
    const CosineSchedule rate{.peak = peak, .floor = peak / 10, .warmup_steps = 5, .total_steps = 200};
    while (state.step < until) {
        const Batch batch =
            learnable_batch(sequences, model.context(), 37, static_cast<std::uint64_t>(state.step));
        const auto step_of = [&](const auto& optimizer) {
            return train_step(device, world, model, state, batch, optimizer, rate(state.step),
                              {.micro_batch = sequences / 4, .lanes = 2});
        };
        losses.push_back((state.has_first_moment() ? step_of(AdamW{.seed = 9}) : step_of(RmsProp{})).loss);
    }
    return losses;
}

std::string name_of(Moments moments) {
    return moments == Moments::full   ? "moments in float"
           : moments == Moments::bf16 ? "moments in bf16"
                                      : "the second moment alone";
}

/// The state as files have it, in the order of the model.
struct Contents {
    std::vector<float> weights, m, v;
    friend bool operator==(const Contents&, const Contents&) = default;
};
Contents contents(const Amber& model, const std::filesystem::path& checkpoint, Moments moments) {
    Cpu device({.threads = 1});
    TrainState<Cpu> state(device, model.layout(), {},
                          moments == Moments::second ? Moments::second : Moments::full);
    read_checkpoint(device, model, state, checkpoint);
    return {state.weights.to_host(), state.m.to_host(), state.v.to_host()};
}

Contents run(const Amber& model, int ranks, Zero zero, Moments moments, Index steps) {
    const io_test::TemporaryDirectory folder;
    const auto body = [&](auto& world) {
        auto device = own_gpu<bf16>();
        TrainState<Gpu16> state(device, model.layout(),
                                {.ranks = world.size(), .rank = world.rank(), .zero = zero}, moments);
        initialize(device, model, state, {.seed = 4});
        train(device, world, model, state, steps);
        save_checkpoint(device, world, model, state, folder / "end");
    };
    SingleProcess alone;
    ranks == 1 ? body(alone) : Threads::run(ranks, [&](Threads& world) { body(world); });
    return contents(model, folder / "end", moments);
}

}  // namespace

TEST_CASE("mixed precision: a run repeats, and goes on from a checkpoint as if it had not stopped") {
    const Amber model(small_config());
    for (const Moments moments : {Moments::full, Moments::bf16, Moments::second}) {
        INFO(name_of(moments));
        const Contents whole = run(model, 1, Zero::off, moments, 4);
        CHECK(run(model, 1, Zero::off, moments, 4) == whole);
        const io_test::TemporaryDirectory folder;
        SingleProcess world;
        {
            auto device = own_gpu<bf16>();
            TrainState<Gpu16> state(device, model.layout(), {}, moments);
            initialize(device, model, state, {.seed = 4});
            train(device, world, model, state, 2);
            save_checkpoint(device, model, state, folder / "middle");
        }
        auto device = own_gpu<bf16>();
        TrainState<Gpu16> state(device, model.layout(), {}, moments);
        read_checkpoint(device, model, state, folder / "middle");
        train(device, world, model, state, 4);
        save_checkpoint(device, model, state, folder / "end");
        CHECK(contents(model, folder / "end", moments) == whole);
    }
}

TEST_CASE("mixed precision: no level of recomputation changes a bit") {
    SingleProcess world;
    const auto run = [&](Recompute level) {
        auto device = own_gpu<bf16>();
        const Amber model(small_config(), level);
        TrainState<Gpu16> state(device, model.layout());
        initialize(device, model, state, {.seed = 4});
        train(device, world, model, state, 3);
        return state.weights.to_host();
    };
    const std::vector<bf16> expected = run(Recompute::nothing);
    for (const Recompute level : recompute_levels) {
        INFO(name_of(level));
        CHECK(run(level) == expected);
    }
}

#ifndef LAPIDARY_TEST_GPU  // what counts allocations, and threads that copy out of each other's memory
TEST_CASE(
    "mixed precision: what is recorded and repeated computes the same, and allocates nothing after two steps") {
    const Amber model(small_config());
    SingleProcess world;
    const auto run = [&](bool graphs) {
        Gpu16 device(ThreadOrder::forward, graphs);
        TrainState<Gpu16> state(device, model.layout());
        initialize(device, model, state, {.seed = 4});
        std::vector<double> losses = train(device, world, model, state, 2);
        const int allocations = device.allocations();
        const std::size_t peak = device.scratch().peak();
        for (const double loss : train(device, world, model, state, 5)) losses.push_back(loss);
        CHECK(device.allocations() == allocations);
        CHECK(device.scratch().peak() == peak);
        return std::pair(losses, state.weights.to_host());
    };
    CHECK(run(true) == run(false));
}

TEST_CASE("mixed precision: ranks and sharding change no bit") {
    const Amber model(small_config());
    for (const Moments moments : {Moments::full, Moments::bf16, Moments::second}) {
        const Contents one = run(model, 1, Zero::off, moments, 2);
        for (const Zero zero : {Zero::off, Zero::moments, Zero::gradients, Zero::weights}) {
            INFO("ZeRO-" << static_cast<int>(zero) << ", " << name_of(moments));
            CHECK(run(model, 2, zero, moments, 2) == one);
        }
    }
}
#endif

TEST_CASE("mixed precision: the weights that a GPU starts from are the CPU's") {
    const Amber model(small_config());
    Cpu cpu({.threads = 1});
    TrainState<Cpu> exact(cpu, model.layout());
    initialize(cpu, model, exact, {.seed = 4});
    CHECK(run(model, 1, Zero::off, Moments::full, 0).weights == exact.weights.to_host());
}

TEST_CASE("mixed precision learns what single precision learns: 200 steps within half a percent", "[long]") {
    const Amber model(small_config());
    SingleProcess world;
    Cpu cpu({.threads = 1});
    TrainState<Cpu> exact(cpu, model.layout());
    initialize(cpu, model, exact, {.seed = 4});
    const std::vector<double> expected = train(cpu, world, model, exact, 200, 8, 1e-3);
    REQUIRE(expected.back() < 0.8 * expected.front());
    for (const Moments moments : {Moments::full, Moments::bf16}) {
        auto device = own_gpu<bf16>();
        TrainState<Gpu16> state(device, model.layout(), {}, moments);
        initialize(device, model, state, {.seed = 4});
        const std::vector<double> losses = train(device, world, model, state, 200, 8, 1e-3);
        double worst = 0, ours = 0, theirs = 0;  // of the means of ten steps: single ones are of four sequences
        for (std::size_t i = 0; i < losses.size(); ++i) {
            ours += losses[i];
            theirs += expected[i];
            if (i % 10 != 9) continue;
            worst = std::max(worst, std::abs(ours / theirs - 1));
            ours = theirs = 0;
        }
        INFO(name_of(moments) << ": " << worst);
        CHECK(worst < 0.005);
    }
}
