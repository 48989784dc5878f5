#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/optim/train_state.hpp>

#include <algorithm>
#include <array>

namespace lapidary {

/// The weights of a state, for models to read on all ranks together: where they are sharded (ZeRO-3) each unit is
/// gathered when it is opened, and its neighbour, in the direction of travel, in the background meanwhile. All ranks open
/// the same units in the same order. Make a new one after the weights have changed.
template <Device D, Communicator World>
class GatheredWeights final : public UnitSource<const Scalar<D>> {
public:
    GatheredWeights(D& device, World& world, TrainState<D>& state) : world_(world), state_(state) {
        holds_.fill(-1);
        if (!sharded()) return;
        if (!state.exchange) state.exchange = std::make_unique<ExchangeSpace<D>>(device);
        if (!state.exchange->weights) state.exchange->weights.emplace(device, state.shards.units());
    }
    GatheredWeights(const GatheredWeights&) = delete;
    GatheredWeights& operator=(const GatheredWeights&) = delete;
    ~GatheredWeights() {
        if (sharded()) state_.exchange->background.abandon();
    }

    Parameters<const Scalar<D>> open(Index unit) override {
        if (!sharded()) return state_.weights;
        auto& buffers = *state_.exchange->weights;
        gather(unit);
        ++users_[buffers.room(unit)];
        state_.exchange->background.wait(gathers_[buffers.room(unit)]);
        const Index next = unit >= last_ ? unit + 1 : unit - 1;
        last_ = unit;
        if (next > 0 && next < state_.shards.unit_count() && users_[buffers.room(next)] == 0) gather(next);
        return {buffers.buffer(unit), state_.shards.unit(unit).first};
    }
    void close(Index unit) override {
        if (sharded()) --users_[state_.exchange->weights->room(unit)];
    }
    [[nodiscard]] Index size() const override { return state_.shards.units().back().end(); }

private:
    [[nodiscard]] bool sharded() const { return state_.zero >= Zero::weights; }

    void gather(Index unit) {
        auto& space = *state_.exchange;
        const std::size_t room = space.weights->room(unit);
        if (holds_[room] == unit) return;
        holds_[room] = unit;
        gathers_[room] = space.background.begin([this, &space, unit] {
            const auto whole = space.weights->buffer(unit);
            const std::vector<Range>& parts = state_.shards.parts(unit);
            const Range own = parts[static_cast<std::size_t>(state_.shards.rank())];
            const Range shard = state_.own(unit, Zero::weights);
            copy(space.device, state_.weights.view().slice(shard.first, shard.count), whole.slice(own.first, own.count));
            all_gather(world_, whole, std::span<const Range>(parts), "all_gather of weights");
        });
    }

    World& world_;
    TrainState<D>& state_;
    std::array<Index, UnitRooms::count> holds_{};  // which unit a room has, or is about to
    std::array<int, UnitRooms::count> users_{};
    std::array<Background::Ticket, UnitRooms::count> gathers_{};
    Index last_ = 0;
};

}  // namespace lapidary
