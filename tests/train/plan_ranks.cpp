#include "catch.hpp"
#include "comm/counted.hpp"
#include "train/support.hpp"

#include <lapidary/comm/threads.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/train/plan_ranks.hpp>
#include <lapidary/train/plan_time.hpp>
#include <lapidary/train/train_step.hpp>

#include <array>

using namespace lapidary;
using namespace lapidary::test;

namespace {

// What a step did on the first rank.
struct Measured {
    RankElements elements;
    std::map<std::string, Counted<Threads>::Count> counts;
};

AmberConfig blocks_for_eight() {
    AmberConfig config = odd_config();
    config.hidden_size = 120;
    config.intermediate_size = 301;
    config.num_hidden_layers = 3;
    config.max_position_embeddings = 16;
    return config;
}

Measured measure(const AmberConfig& config, const RankOptions& options) {
    Measured result;
    Threads::run(options.ranks, [&](Threads& world) {
        Cpu device({.threads = 1});
        const Amber model{config};
        Counted<Threads> counted(world);
        const bool second = options.moments == 1;
        TrainState<Cpu> state(device, model.layout(),
                              {.ranks = world.size(), .rank = world.rank(), .zero = options.zero},
                              second ? Moments::second : Moments::full);
        initialize(device, model, state, {.seed = 4});
        const Batch batch = random_batch(options.batch, model.context(), 101, 0);
        for (int step = 0; step < 2; ++step) {  // the second is as the first
            counted.counts.clear();
            const StepOptions how{.micro_batch = options.micro_batch, .lanes = options.lanes};
            if (second) {
                train_step(device, counted, model, state, batch, RmsProp{}, 1e-3, how);
            } else {
                train_step(device, counted, model, state, batch, AdamW{}, 1e-3, how);
            }
            (void)any(device, counted, false, "agreement on stopping");
        }
        if (world.rank() != 0) return;
        result.counts = counted.counts;
        auto& kept = result.elements;
        kept.weights = state.weights.size();
        kept.gradients = state.gradients.size();
        kept.moments = state.m.size() + state.v.size();
        kept.remainders = state.v.size();  // where there are any
        for (const auto& level : state.lane_gradients) kept.lane_gradients += level.size();
        if (state.whole_gradients) kept.unit_gradients += state.whole_gradients->size();
        if (state.exchange->gradients) kept.unit_gradients += state.exchange->gradients->size();
        if (state.exchange->weights) kept.weight_rooms = state.exchange->weights->size();
        kept.reduction_rooms = static_cast<Index>(state.exchange->device.scratch().peak() / sizeof(float));
    });
    return result;
}

void check_flow(const Flow& planned, const Moved& measured) {
    CHECK(planned.bytes == static_cast<Index>(measured.bytes));
    CHECK(planned.messages == static_cast<Index>(measured.messages));
}

void check_as_measured(const AmberConfig& config, const RankOptions& options) {
    INFO("ZeRO-" << static_cast<int>(options.zero) << ", " << options.ranks << " ranks, " << options.lanes
                 << " lanes, batch " << options.batch << ", micro-batch " << options.micro_batch);
    const RankPlan plan = plan_ranks(Amber(config).layout(), options);
    const Measured measured = measure(config, options);
    CHECK(plan.refusal.empty());

    Traffic weights = plan.of(Exchange::weights_updated).all;
    weights += plan.of(Exchange::weights_forward).all;
    weights += plan.of(Exchange::weights_backward).all;
    const std::map<std::string, Traffic> planned{
        {"reduce_scatter of gradients", plan.of(Exchange::gradients_reduced).all},
        {"all_gather of gradients", plan.of(Exchange::gradients_gathered).all},
        {"all_gather of weights", weights},
        {"gather of losses", plan.of(Exchange::losses).all},
        {"gather of norms", plan.of(Exchange::norm).all},
        {"agreement on stopping", plan.of(Exchange::stop).all}};
    for (const auto& [name, count] : measured.counts) {
        INFO(name);
        REQUIRE(planned.count(name) == 1);
        check_flow(planned.at(name).sent, count.sent);
        check_flow(planned.at(name).received, count.received);
    }
    for (const auto& [name, traffic] : planned) {
        INFO(name);
        if (measured.counts.count(name) == 0) CHECK(traffic == Traffic{});
    }

    const RankElements &is = plan.elements, &was = measured.elements;
    CHECK(is.weights == was.weights);
    CHECK(is.weight_rooms == was.weight_rooms);
    CHECK(is.gradients == was.gradients);
    CHECK(is.lane_gradients == was.lane_gradients);
    CHECK(is.unit_gradients == was.unit_gradients);
    CHECK(is.remainders == was.remainders);
    CHECK(is.moments == was.moments);
    CHECK(is.reduction_rooms == was.reduction_rooms);
}

constexpr std::array levels{Zero::off, Zero::moments, Zero::gradients, Zero::weights};

}  // namespace

TEST_CASE("what a plan says of ranks is what a step does") {
    const AmberConfig config = blocks_for_eight();
    for (const Zero zero : levels) {
        for (const int ranks : {2, 4, 8}) {
            for (const Index micro_batch : {0, 1}) {
                check_as_measured(
                    config, {.ranks = ranks, .lanes = 8, .batch = 16, .micro_batch = micro_batch, .zero = zero});
            }
        }
        check_as_measured(config, {.ranks = 2, .lanes = 2, .batch = 6, .micro_batch = 2, .zero = zero});
        check_as_measured(config, {.ranks = 4, .lanes = 4, .batch = 4, .zero = zero, .moments = 1});
    }
}

TEST_CASE("also where units are large, the head takes turns with the embedding, or is the embedding") {
    AmberConfig large = blocks_for_eight();
    large.vocab_size = 20000;  // several rounds of a reduction
    AmberConfig tied = blocks_for_eight();
    tied.tie_word_embeddings = true;
    for (const Zero zero : levels) {
        for (const int ranks : {2, 4})
            check_as_measured(large, {.ranks = ranks, .lanes = 4, .batch = 4, .zero = zero});
        check_as_measured(tied, {.ranks = 2, .lanes = 4, .batch = 12, .micro_batch = 2, .zero = zero});
        check_as_measured(tied, {.ranks = 2, .lanes = 2, .batch = 4, .zero = zero});
    }
}

TEST_CASE("the published run of AMBER, on ranks that no run of this library has") {
    const Amber model{AmberConfig{}};
    // Elements: an embedding of 32000 x 4096, 32 blocks, a norm and a head. Parts are whole blocks of 16384
    // elements: ceil(202383360 / 224 / 16384) = 56 of a block, ceil(131072000 / 224 / 16384) = 36 of each end.
    const Index all = 6738415616, block = 56 * 16384, end = 36 * 16384, shard = 32 * block + 2 * end;
    const auto plan = [&](Zero zero) {
        return plan_ranks(model.layout(), {.ranks = 224, .lanes = 224, .batch = 2240, .zero = zero});
    };
    const RankPlan off = plan(Zero::off), moments = plan(Zero::moments), gradients = plan(Zero::gradients),
                   weights = plan(Zero::weights);

    CHECK_THAT(off.refusal, ContainsSubstring("power of two that divides the batch: 224 lanes, batch 2240"));
    CHECK(off.lanes == 1);
    CHECK(off.lane_sequences == 10);
    CHECK(off.shard == shard);
    CHECK(off.elements.weights == all);
    CHECK(off.elements.moments == 2 * all);
    CHECK(off.elements.reduction_rooms == 2 * 223 * (131072 / 4));
    CHECK(off.of(Exchange::gradients_reduced).all.sent.bytes == 4 * (all - shard));
    CHECK(off.of(Exchange::gradients_reduced).all.received.bytes == 4 * 223 * shard);
    CHECK(off.of(Exchange::gradients_gathered).all.sent.bytes == 4 * 223 * shard);
    const double ring = 2.0 * 223 / 224 * static_cast<double>(all) * 4;  // were the parts even
    const Index sent =
        off.of(Exchange::gradients_reduced).all.sent.bytes + off.of(Exchange::gradients_gathered).all.sent.bytes;
    CHECK(static_cast<double>(sent) == Approx(ring).epsilon(0.01));
    // Rounds of 32768 elements: 28 of a block's part and 18 of an end's.
    CHECK(off.of(Exchange::gradients_reduced).all.received.messages == 223 * (32 * 28 + 2 * 18));
    CHECK(off.of(Exchange::weights_updated).all == Traffic{});

    CHECK(moments.elements.gradients == all);
    CHECK(moments.elements.moments == 2 * shard);
    CHECK(moments.of(Exchange::gradients_gathered).all == Traffic{});
    CHECK(moments.of(Exchange::weights_updated).all.sent == Flow{4 * 223 * shard, 223 * 34});

    CHECK(gradients.elements.gradients == shard);
    CHECK(gradients.elements.unit_gradients == 131072000 + 131076096 + 2 * 202383360);

    CHECK(weights.elements.weights == shard);
    CHECK(weights.elements.weight_rooms == gradients.elements.unit_gradients);
    CHECK(weights.of(Exchange::weights_forward).all.sent == Flow{4 * 223 * shard, 223 * 34});
    CHECK(weights.of(Exchange::weights_forward).waited_for.sent == Flow{4 * 223 * end, 223});  // the embedding
    CHECK(weights.of(Exchange::weights_backward).all.sent ==
          Flow{4 * 223 * 30 * block, 223 * 30});  // but the last two
    CHECK(weights.of(Exchange::losses).all.sent == Flow{11 * 8 * 223, 223});
    CHECK(weights.of(Exchange::norm).all.sent == Flow{8 * 223 * (shard / 16384), 223});
}

TEST_CASE("CrystalCoder's batch of 2112 has 64 lanes") {
    const CrystalCoderConfig::Model model{CrystalCoderConfig{}};
    const Index width = 4096, inner = 10922, biases = 21856;  // of gate and value, up to a multiple of 32 elements
    const Index block = 4 * width + 4 * (width * width + width) + 3 * width * inner + biases + width;
    const Index embedding = 32032 * width, norm = 2 * width, all = embedding + 32 * block + norm;
    REQUIRE(model.layout().size() == all);

    const auto plan = [&](Zero zero, Index micro_batch) {
        return plan_ranks(model.layout(), {.ranks = 16,
                                           .lanes = 64,
                                           .batch = 2112,
                                           .micro_batch = micro_batch,
                                           .zero = zero,
                                           .weight_bytes = 2});
    };
    const auto part = [](Index size) { return (size + 16 * 16384 - 1) / (16 * 16384) * 16384; };
    const Index norm_part = norm;  // the first rank has it alone
    const Index shard = part(embedding) + 32 * part(block) + norm_part;

    const RankPlan one = plan(Zero::gradients, 0);
    CHECK(one.refusal.empty());
    CHECK(one.lanes == 4);
    CHECK(one.lane_sequences == 33);
    CHECK(one.elements.lane_gradients == 2 * shard);
    CHECK(one.of(Exchange::gradients_reduced).all.sent.bytes == 4 * 4 * (all - shard));  // four lanes in turn
    CHECK(one.of(Exchange::weights_updated).all.sent.bytes == 2 * 15 * shard);
    CHECK(plan(Zero::moments, 0).of(Exchange::gradients_reduced).all.sent.bytes == 4 * (all - shard));
    CHECK(plan(Zero::gradients, 11).elements.unit_gradients == all);
    CHECK(plan(Zero::gradients, 11).reducing == Approx(1.0 / 3));
    CHECK(plan(Zero::moments, 11).reducing == Approx(1.0 / 12));
    // Three micro-batches a lane, twelve in all: the embedding and the norm, both kept, once; the blocks each
    // time, but for the two that are still there when the direction changes.
    const RankPlan three = plan(Zero::weights, 11);
    CHECK(three.of(Exchange::weights_backward).all.sent.bytes == 2 * 15 * 12 * 30 * part(block));
    CHECK(three.of(Exchange::weights_forward).all.sent.bytes ==
          2 * 15 * (part(embedding) + norm_part + (32 + 11 * 30) * part(block)));
    CHECK_THROWS_WITH(plan_ranks(model.layout(), {.ranks = 224, .lanes = 224, .batch = 2112}),
                      "[plan] a batch of 2112 sequences cannot be shared out evenly over 224 ranks");
}

TEST_CASE("the time of exchanges is that of the busier link, and of messages") {
    const Links links{.ranks_per_node = 4, .inside = {100e9, 1e-6}, .between = {10e9, 5e-6}};
    // Of seven others three are in the node.
    CHECK(links.seconds(Flow{7000000000, 0}, 8) == Approx(4.0 / 10));
    CHECK(links.seconds(Flow{0, 14}, 8) == Approx(6e-6 + 8 * 5e-6));
    CHECK(links.seconds(Flow{4000000000, 0}, 4) == Approx(0.04));
    CHECK(links.seconds(Flow{1, 1}, 1) == 0);
    CHECK(Links{.ranks_per_node = 1, .between = {1e9, 0}}.seconds(Flow{2000000000, 9}, 2) == Approx(2.0));

    RankPlan plan;
    plan.ranks = 8;
    plan.reducing = 0.5;
    plan.of(Exchange::gradients_reduced).add({{7000000000, 0}, {}}, false);  // 0.4 s
    plan.of(Exchange::weights_forward).add({{7000000000, 0}, {}}, true);
    plan.of(Exchange::weights_forward).add({{7000000000, 0}, {}}, false);
    plan.of(Exchange::weights_updated).add({{}, {7000000000, 0}}, true);
    const StepTime long_step = time_step(plan, links, 3.0, 2.0 / 3);
    CHECK(long_step.communication() == Approx(1.6));
    CHECK(long_step.hidden == Approx(0.8));
    CHECK(long_step.one_after_the_other() == Approx(4.6));
    CHECK(long_step.overlapped() == Approx(3.8));
    // A step of 0.3 s: 0.1 forward, and 0.2 backward, half of it with gradients to reduce.
    CHECK(time_step(plan, links, 0.3, 2.0 / 3).hidden == Approx(0.1 + 0.1));
}
