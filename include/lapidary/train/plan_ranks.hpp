#pragma once

#include <lapidary/comm/shards.hpp>
#include <lapidary/comm/unit_gathers.hpp>
#include <lapidary/train/lanes.hpp>
#include <lapidary/train/rank_traffic.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

/// How ranks share out a step.
struct RankOptions {
    int ranks = 1;
    Index lanes = 1;        ///< of the run
    Index batch = 1;        ///< sequences a step
    Index micro_batch = 0;  ///< sequences in flight on a rank; 0: a whole lane
    Zero zero = Zero::off;
    Index weight_bytes = 4, gradient_bytes = 4;  ///< of an element
    Index moments = 2;                           ///< that the optimizer keeps: AdamW's; RMSprop keeps 1
};

/// Elements that a rank keeps, besides activations.
struct RankElements {
    Index weights = 0;         ///< all of them or, in ZeRO-3, its shard
    Index weight_rooms = 0;    ///< for the units that are gathered, in ZeRO-3
    Index gradients = 0;       ///< all of them or, from ZeRO-2 on, its shard
    Index lane_gradients = 0;  ///< as many again for each level of the tree over its lanes
    Index unit_gradients = 0;  ///< from ZeRO-2 on: for the units under way, or for a lane of several micro-batches
    Index remainders = 0;      ///< as many, where weights are narrower than their gradients
    Index moments = 0;         ///< all that the optimizer keeps together
    Index reduction_rooms = 0;  ///< for what others send of a gradient
};

/// What a step takes of a rank.
struct RankPlan {
    int ranks = 1;
    std::string refusal;  ///< why a run with these ranks, lanes and batch cannot be started; empty: it can
    Index lanes = 0;      ///< that the rank works through
    Index lane_sequences = 0;
    Index shard = 0;  ///< elements of the rank's shard of a flat vector
    RankElements elements;
    std::array<RankTraffic, exchange_kinds> traffic{};
    double reducing = 1;  ///< the share of all backward passes beside which gradients can be reduced

    [[nodiscard]] const RankTraffic& of(Exchange kind) const { return traffic[static_cast<std::size_t>(kind)]; }
    [[nodiscard]] RankTraffic& of(Exchange kind) { return traffic[static_cast<std::size_t>(kind)]; }
};

namespace detail {

/// Follows `Decoder::loss_and_gradients` through the units, to see which weights ZeRO-3 gathers when.
class GatherCount {
public:
    GatherCount(const Shards& shards, Index element_bytes, RankPlan& plan)
        : shards_(shards), bytes_(element_bytes), plan_(plan), order_(shards) {}

    void micro_batch(bool tied, Index sequences) {
        const Index last = shards_.unit_count() - 1;
        phase_ = Exchange::weights_forward;
        for (Index u = 0; u <= last; ++u) use(u);
        phase_ = Exchange::weights_backward;
        open(last);
        if (tied) open(0);
        const bool kept_open = tied && sequences > 1;
        if (!kept_open) close_ends(tied);
        for (Index u = last - 1; u > 0; --u) use(u);
        if (kept_open) close_ends(tied);
    }

private:
    void use(Index unit) {
        open(unit);
        order_.close(unit);
    }
    void close_ends(bool tied) {
        if (tied) order_.close(0);
        order_.close(shards_.unit_count() - 1);
    }
    void open(Index unit) {
        if (order_.open(unit)) count(unit, true);
        if (const Index next = order_.ahead(unit); next >= 0) count(next, false);
    }
    void count(Index unit, bool waited_for) {
        plan_.of(phase_).add(gather_traffic(shards_.parts(unit), bytes_), waited_for);
    }

    const Shards& shards_;
    Index bytes_;
    RankPlan& plan_;
    UnitGathers order_;
    Exchange phase_ = Exchange::weights_forward;
};

/// The lanes of a rank. Where a run would refuse them, one lane a rank: the plan of a run that others published.
inline void plan_lanes(RankPlan& plan, const RankOptions& options) {
    try {
        const LaneShare lanes(options.lanes, options.batch, options.ranks, 0, options.zero >= Zero::gradients);
        plan.lanes = lanes.own;
        plan.lane_sequences = lanes.sequences;
    } catch (const Error& error) {
        plan.refusal = error.what();
        plan.lanes = 1;
        plan.lane_sequences = options.batch / options.ranks;
    }
    if (plan.lane_sequences < 1 || plan.lane_sequences * plan.lanes * options.ranks != options.batch) {
        throw Error(ErrorCode::value, "plan",
                    "a batch of " + std::to_string(options.batch) +
                        " sequences cannot be shared out evenly over " + std::to_string(options.ranks) + " ranks");
    }
}

inline RankElements plan_elements(const Shards& shards, const RankPlan& plan, Zero zero, Index moments,
                                  bool whole_lanes, Index piece) {
    const Index all = shards.units().back().end(), rooms = UnitRooms(shards).size(), shard = shards.size();
    RankElements result;
    result.weights = zero >= Zero::weights ? shard : all;
    result.weight_rooms = zero >= Zero::weights ? rooms : 0;
    result.gradients = zero >= Zero::gradients ? shard : all;
    result.lane_gradients = result.gradients * std::countr_zero(static_cast<std::uint64_t>(plan.lanes));
    result.unit_gradients = zero < Zero::gradients ? 0 : whole_lanes ? rooms : all;
    result.remainders = zero >= Zero::moments ? shard : all;
    result.moments = moments * result.remainders;
    Index longest = 0;
    for (Index u = 0; u < shards.unit_count(); ++u) longest = std::max(longest, shards.own(u).count);
    result.reduction_rooms = 2 * (shards.ranks() - 1) * std::min(piece, longest);
    return result;
}

}  // namespace detail

/// What the code of `train_step` makes a rank keep and exchange in a step, of a decoder with this layout; nothing
/// is allocated. The rank is the first one: none has more of a unit than it has. Exchanges include that on
/// stopping, which a program adds to a step (`any`). Ranks that no run can have are planned with one lane each.
/// Throws Error(value) for fewer than one rank or a batch that ranks cannot share evenly.
inline RankPlan plan_ranks(const ParameterLayout& layout, const RankOptions& options) {
    const Shards shards(layout, options.ranks, 0);
    const Zero zero = options.ranks > 1 ? options.zero : Zero::off;
    RankPlan plan;
    plan.ranks = options.ranks;
    detail::plan_lanes(plan, options);
    plan.shard = shards.size();
    const Index micro_batch =
        options.micro_batch > 0 ? std::min(options.micro_batch, plan.lane_sequences) : plan.lane_sequences;
    const Index last_micro_batch = (plan.lane_sequences - 1) % micro_batch + 1;
    const Index piece = detail::reduction_piece(options.ranks, options.gradient_bytes);
    plan.elements =
        detail::plan_elements(shards, plan, zero, options.moments, micro_batch == plan.lane_sequences, piece);
    plan.reducing = static_cast<double>(last_micro_batch) /
                    static_cast<double>(plan.lane_sequences * (zero >= Zero::gradients ? 1 : plan.lanes));

    const Index reductions = zero >= Zero::gradients ? plan.lanes : 1;
    std::vector<Index> norm_blocks(static_cast<std::size_t>(options.ranks));
    for (Index u = 0; u < shards.unit_count(); ++u) {
        const std::vector<Range>& parts = shards.parts(u);
        for (std::size_t rank = 0; rank < parts.size(); ++rank) {
            norm_blocks[rank] += ceil_div(parts[rank].count, reduction_block);
        }
        for (Index i = 0; i < reductions;
             ++i) {  // nothing is left to compute beside the last one, of the first unit
            plan.of(Exchange::gradients_reduced)
                .add(detail::reduce_traffic(parts, options.gradient_bytes, piece), u == 0 && i + 1 == reductions);
        }
        if (zero == Zero::off) {
            plan.of(Exchange::gradients_gathered)
                .add(detail::gather_traffic(parts, options.gradient_bytes), u == 0);
        } else if (zero < Zero::weights) {
            plan.of(Exchange::weights_updated).add(detail::gather_traffic(parts, options.weight_bytes), true);
        }
    }
    if (zero >= Zero::weights) {
        const bool tied = layout.ends_together();
        detail::GatherCount gathers(shards, options.weight_bytes, plan);
        for (Index k = 0; k < plan.lanes; ++k) {
            for (Index i = 0; i < plan.lane_sequences; i += micro_batch) {
                gathers.micro_batch(tied, std::min(micro_batch, plan.lane_sequences - i));
            }
        }
    }
    const auto add_numbers = [&](Exchange kind, const std::vector<Index>& counts, Index bytes) {
        std::vector<Range> parts;
        for (const Index count : counts) parts.push_back({0, count});
        plan.of(kind).add(detail::gather_traffic(parts, bytes), true);
    };
    add_numbers(Exchange::losses, std::vector<Index>(norm_blocks.size(), plan.lanes * plan.lane_sequences + 1),
                sizeof(double));
    add_numbers(Exchange::norm, norm_blocks, sizeof(double));
    add_numbers(Exchange::stop, std::vector<Index>(norm_blocks.size(), 1), 1);
    return plan;
}

}  // namespace lapidary
