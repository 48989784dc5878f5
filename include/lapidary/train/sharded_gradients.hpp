#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/train/lanes.hpp>

#include <vector>

namespace lapidary::detail {

/// Gradients of which every rank keeps its shard. A unit's gradient exists whole while backward works on it; then
/// the ranks add up theirs, each its part, in the background. Where a lane takes several micro-batches, all units
/// must wait for the last one, and the gradients of the lane are kept whole.
template <Device D, Communicator World>
class ShardedGradients final : public UnitSource<Accumulator<D>> {
public:
    ShardedGradients(D& device, World& world, TrainState<D>& state, bool whole_lanes)
        : device_(device), world_(world), state_(state), tree_(state) {
        auto& space = *state.exchange;
        if (!whole_lanes) {
            if (!state.whole_gradients) state.whole_gradients.emplace(device, Shape<1>{size()});
        } else if (!space.gradients) {
            space.gradients.emplace(device, state.shards);
        }
        whole_ = !whole_lanes;
        reductions_.resize(whole_ ? state.shards.units().size() : UnitRooms::count);
    }

    void begin(Index k, bool first, bool last) {
        lane_ = k;
        first_ = first;
        last_ = last;
    }

    Parameters<Accumulator<D>> open(Index unit) override {
        const auto part = buffer(unit);
        if (first_) {
            state_.exchange->background.wait(reduction(unit));
            fill(device_, part, 0);
        }
        return {part, state_.shards.unit(unit).first};
    }
    void close(Index unit) override {
        if (!last_) return;
        reduction(unit) = state_.exchange->begin(device_, [this, unit, k = lane_] {
            auto& device = state_.exchange->device;
            const auto sum = buffer(unit);
            const std::span<const Range> parts(state_.shards.parts(unit));
            reduce_scatter(device, world_, sum, parts, "reduce_scatter of gradients");
            const Range own = parts[static_cast<std::size_t>(state_.shards.rank())],
                        shard = state_.shards.shard(unit);
            copy(device, sum.slice(own.first, own.count), tree_.leaf(k).slice(shard.first, shard.count));
            tree_.merge(device, k, shard);
        });
    }
    [[nodiscard]] Index size() const override {
        const Range last = state_.shards.unit(state_.shards.unit_count() - 1);
        return last.end();
    }

private:
    View<Accumulator<D>, 1> buffer(Index unit) {
        if (!whole_) return state_.exchange->gradients->buffer(unit);
        const Range range = state_.shards.unit(unit);
        return state_.whole_gradients->view().slice(range.first, range.count);
    }
    Background::Ticket& reduction(Index unit) {
        return reductions_[whole_ ? static_cast<std::size_t>(unit) : state_.exchange->gradients->room(unit)];
    }

    D& device_;
    World& world_;
    TrainState<D>& state_;
    LaneTree<D> tree_;
    bool whole_ = false;
    std::vector<Background::Ticket> reductions_;  // the last one that used a buffer
    Index lane_ = 0;
    bool first_ = true, last_ = true;
};

}  // namespace lapidary::detail
