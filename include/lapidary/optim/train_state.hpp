#pragma once

#include <lapidary/comm/background.hpp>
#include <lapidary/comm/shards.hpp>
#include <lapidary/comm/unit_buffers.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/nn/initialize.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// What ranks need to exchange while they compute; made by the first step that does.
template <Device D>
struct ExchangeSpace {
    D device;  ///< for the arithmetic of the background
    std::optional<UnitBuffers<D>> weights, gradients;
    Background background;  // the last member: its thread uses the others

    explicit ExchangeSpace(const D& main) : device(main.sibling()) {}

    /// Has the background do `task` with what `main` was given until now done, and the task's own arithmetic done
    /// at its end.
    Background::Ticket begin(D& main, std::function<void()> task) {
        synchronize(main);
        return background.begin([this, task = std::move(task)] {
            task();
            synchronize(device);
        });
    }
};

/// Everything that training changes: flat vectors of one shape, and the number of steps done. Where ranks share
/// the work, a vector that is sharded has only this rank's shard (comm/shards.hpp).
template <Device D>
struct TrainState {
    Shards shards;
    Zero zero;
    Tensor<Scalar<D>, 1, D> weights;
    Tensor<Scalar<D>, 1, D> gradients;
    Tensor<Scalar<D>, 1, D> m;  ///< AdamW's first moment
    Tensor<Scalar<D>, 1, D> v;  ///< AdamW's second moment
    Index step = 0;
    /// One more gradient per level of the tree over lanes; made when a step first needs them.
    std::vector<Tensor<Scalar<D>, 1, D>> lane_gradients;
    /// One lane's gradients, all of them, where they are sharded but a lane is worked through in several
    /// micro-batches.
    std::optional<Tensor<Scalar<D>, 1, D>> whole_gradients;
    std::unique_ptr<ExchangeSpace<D>> exchange;

    TrainState(D& device, const ParameterLayout& layout, Sharding sharding = {})
        : shards(layout, sharding.ranks, sharding.rank),
          zero(sharding.ranks > 1 ? sharding.zero : Zero::off),
          weights(device, {zero >= Zero::weights ? shards.size() : layout.size()}),
          gradients(device, {zero >= Zero::gradients ? shards.size() : layout.size()}),
          m(device, {zero >= Zero::moments ? shards.size() : layout.size()}),
          v(device, {zero >= Zero::moments ? shards.size() : layout.size()}) {}

    /// Where this rank's part of a unit lies in a vector that is sharded from `level` on.
    [[nodiscard]] Range own(Index unit, Zero level) const {
        return zero >= level ? shards.shard(unit) : shards.own(unit);
    }
};

namespace detail {

/// Throws Error(value) unless a state was made for this rank of these.
template <Device D, class World>
void require_ranks(std::string_view operation, const TrainState<D>& state, const World& world) {
    if (state.shards.ranks() == world.size() && state.shards.rank() == world.rank()) return;
    throw Error(ErrorCode::value, operation,
                "the state is that of rank " + std::to_string(state.shards.rank()) + " of " +
                    std::to_string(state.shards.ranks()) + ", but this is rank " + std::to_string(world.rank()) +
                    " of " + std::to_string(world.size()) +
                    ": make it with {.ranks = world.size(), .rank = world.rank()}, and let all ranks call this "
                    "with world");
}

}  // namespace detail

/// Draws the initial weights of a state.
template <Device D, class Model>
void initialize(D& device, const Model& model, TrainState<D>& state, InitializeOptions options) {
    if (state.zero < Zero::weights) return initialize(device, model.layout(), state.weights.view(), options);
    for (Index u = 0; u < state.shards.unit_count(); ++u) {
        const Range own = state.own(u, Zero::weights);
        initialize(device, model.layout(), state.shards.own(u), state.weights.view().slice(own.first, own.count),
                   options);
    }
}

}  // namespace lapidary
