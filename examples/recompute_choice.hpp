#pragma once

#include "pretrain_options.hpp"
#include "rank_memory.hpp"

#include <lapidary/comm/collectives.hpp>
#include <lapidary/counting.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/train/plan.hpp>
#include <lapidary/train/plan_ranks.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

/// Bytes of this machine's memory for each of the ranks on it. All ranks call it.
template <class World>
double rank_share_of_memory(World& world) {
    lapidary::Cpu device({.threads = 1});
    std::array<char, 64> host{};
    ::gethostname(host.data(), host.size() - 1);
    const std::vector<char> hosts =
        lapidary::gather(device, world, std::span<const char>(host), {"ranks of a machine", 10});
    double sharing = 0;
    for (std::size_t i = 0; i < hosts.size(); i += host.size()) {
        sharing += std::equal(host.begin(), host.end(), hosts.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return machine_memory() / sharing;
}

/// Bytes of a rank's activations with weights of type T.
template <class T, class Model>
double activation_bytes(const Options& options, lapidary::Index context, const Model& model) {
    lapidary::BasicCounting<T> device(std::size_t{1} << 41);
    const lapidary::Index sequences = options.sequences_at_once();
    return static_cast<double>(std::max(lapidary::plan_step(device, model, sequences, context).activations,
                                        lapidary::plan_loss(device, model, sequences, context)));
}

/// What blocks are to compute again: what --recompute says. With `auto`, the cheapest level with which a rank of
/// weights of type T fits into `available` bytes; rank 0 prints how it was chosen.
template <class Model, class T>
lapidary::Recompute recompute_for(const Options& options, const lapidary::AnyCommunicator& world,
                                  lapidary::Index context, const typename Model::Config& config,
                                  double available) {
    using namespace lapidary;
    const int ranks = world.size();
    for (const Recompute level : recompute_levels) {
        if (name_of(level) == options.recompute_name()) return level;
    }
    ElementBytes bytes = ElementBytes::of<T>();
    if (options.moments == "bf16") bytes.moment = sizeof(bf16);
    const RankPlan plan =
        plan_ranks(Model(config).layout(), {.ranks = ranks,
                                            .lanes = options.lanes,
                                            .batch = options.batch,
                                            .micro_batch = options.micro_batch,
                                            .zero = static_cast<Zero>(options.zero),
                                            .weight_bytes = static_cast<Index>(bytes.weight),
                                            .gradient_bytes = static_cast<Index>(bytes.gradient)});
    const Index micro_batch = options.sequences_at_once();
    BasicCounting<T> device(std::size_t{1} << 41);  // ranks may be many threads of one process
    std::vector<LevelPlan> plans = plan_levels<Model>(device, config, micro_batch, context, plan.lanes);
    for (LevelPlan& level : plans) {  // a checkpoint measures a loss
        const Model model(config, level.level);
        const std::size_t loss = plan_loss(device, model, micro_batch, context);
        level.step.activations = std::max(level.step.activations, loss);
    }
    double kept = total(memory_of(plan.elements, bytes, 0));
    if (options.background && !options.where.on_gpu())
        kept += static_cast<double>(plan.shard) * 3 * sizeof(float) + 64 * 1048576;
    const LevelPlan* fits = cheapest_that_fits(plans, available - kept);
    if (world.rank() == 0) {
        print_recompute(plans, {{"memory, GB", kept}});
        std::printf("cheapest that fits %.4g GB a rank: %s\n", available / 1e9,
                    fits ? name_of(fits->level).c_str() : "none");
        std::fflush(stdout);
    }
    if (fits != nullptr) return fits->level;
    throw Error(ErrorCode::memory, "pretrain",
                "a rank does not fit into its memory whatever is recomputed: a smaller --micro-batch, more ranks "
                "or a higher --zero need less");
}
