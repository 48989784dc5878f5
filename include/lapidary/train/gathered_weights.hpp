#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/comm/unit_gathers.hpp>
#include <lapidary/optim/train_state.hpp>

#include <array>

namespace lapidary {

/// The weights of a state, for models to read on all ranks together: where they are sharded (ZeRO-3) each unit is
/// gathered when it is opened, and its neighbour, in the direction of travel, in the background meanwhile. All
/// ranks open the same units in the same order. Make a new one after the weights have changed.
template <Device D, Communicator World>
class GatheredWeights final : public UnitSource<const Scalar<D>> {
public:
    GatheredWeights(D& device, World& world, TrainState<D>& state)
        : device_(device), world_(world), state_(state), order_(state.shards) {
        if (!sharded()) return;
        if (!state.exchange) state.exchange = std::make_unique<ExchangeSpace<D>>(device);
        if (!state.exchange->weights) state.exchange->weights.emplace(device, state.shards);
    }
    GatheredWeights(const GatheredWeights&) = delete;
    GatheredWeights& operator=(const GatheredWeights&) = delete;
    ~GatheredWeights() {
        if (sharded()) state_.exchange->background.abandon();
    }

    Parameters<const Scalar<D>> open(Index unit) override {
        if (!sharded()) return state_.weights;
        if (order_.open(unit)) gather(unit);
        state_.exchange->background.wait(gathers_[order_.room(unit)]);
        if (const Index next = order_.ahead(unit); next >= 0) gather(next);
        return {state_.exchange->weights->buffer(unit), state_.shards.unit(unit).first};
    }
    void close(Index unit) override {
        if (sharded()) order_.close(unit);
    }
    [[nodiscard]] Index size() const override { return state_.shards.units().back().end(); }
    /// Returns when nothing is gathered any more: before the ranks exchange anything else.
    void finish() {
        if (sharded()) state_.exchange->background.wait();
    }

private:
    [[nodiscard]] bool sharded() const { return state_.zero >= Zero::weights; }

    void gather(Index unit) {
        auto& space = *state_.exchange;
        gathers_[order_.room(unit)] = space.begin(device_, [this, &space, unit] {
            const auto whole = space.weights->buffer(unit);
            const std::vector<Range>& parts = state_.shards.parts(unit);
            const Range own = parts[static_cast<std::size_t>(state_.shards.rank())];
            const Range shard = state_.own(unit, Zero::weights);
            copy(space.device, state_.weights.view().slice(shard.first, shard.count),
                 whole.slice(own.first, own.count));
            all_gather(world_, whole, std::span<const Range>(parts), "all_gather of weights");
        });
    }

    D& device_;
    World& world_;
    TrainState<D>& state_;
    UnitGathers order_;
    std::array<Background::Ticket, UnitRooms::count> gathers_{};  // the last one into a room
};

}  // namespace lapidary
