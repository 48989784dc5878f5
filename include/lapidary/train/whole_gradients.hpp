#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/train/lanes.hpp>

namespace lapidary::detail {

/// Gradients that every rank keeps whole while it works through its lanes. A unit that is complete is reduced over
/// the ranks in the background, while backward goes on with the next: to this rank's part of it, or, where the
/// moments are not sharded either, to all of it.
template <Device D, Communicator World>
class WholeGradients final : public UnitSource<Accumulator<D>> {
public:
    WholeGradients(D& device, World& world, TrainState<D>& state, const LaneShare& lanes)
        : device_(device), world_(world), state_(state), lanes_(lanes), tree_(state) {}

    /// What follows is a micro-batch of this rank's lane k, maybe its first or last.
    void begin(Index k, bool first, bool last) {
        lane_ = k;
        first_ = first;
        last_ = last;
    }

    Parameters<Accumulator<D>> open(Index unit) override {
        const Range range = state_.shards.unit(unit);
        const auto part = tree_.leaf(lane_).slice(range.first, range.count);
        if (first_) fill(device_, part, 0);
        return {part, range.first};
    }
    void close(Index unit) override {
        if (!last_) return;
        const Range range = state_.shards.unit(unit);
        tree_.merge(device_, lane_, range);
        if (lanes_.ranks == 1 || lane_ + 1 < lanes_.own) return;
        state_.exchange->begin(device_, [this, unit, range] {
            const auto sum = state_.gradients.view().slice(range.first, range.count);
            const std::span<const Range> parts(state_.shards.parts(unit));
            reduce_scatter(state_.exchange->device, world_, sum, parts, "reduce_scatter of gradients");
            if (state_.zero == Zero::off) all_gather(world_, sum, parts, "all_gather of gradients");
        });
    }
    [[nodiscard]] Index size() const override { return state_.gradients.size(); }

private:
    D& device_;
    World& world_;
    TrainState<D>& state_;
    const LaneShare& lanes_;
    LaneTree<D> tree_;
    Index lane_ = 0;
    bool first_ = true, last_ = true;
};

}  // namespace lapidary::detail
