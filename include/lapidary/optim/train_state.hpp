#pragma once

#include <lapidary/comm/background.hpp>
#include <lapidary/comm/shards.hpp>
#include <lapidary/comm/unit_buffers.hpp>
#include <lapidary/core/master_weights.hpp>
#include <lapidary/core/moments.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/nn/initialize.hpp>

#include <cstdint>
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
    std::optional<UnitBuffers<Scalar<D>, D>> weights;
    std::optional<UnitBuffers<Accumulator<D>, D>> gradients;
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

namespace detail {

template <class D>
struct RecordsOf {
    struct type {};
};
template <class D>
    requires requires { typename D::Records; }
struct RecordsOf<D> {
    using type = typename D::Records;
};

}  // namespace detail

/// The moments of an optimizer that a state keeps, and how.
enum class Moments {
    full,   ///< both, in accumulators
    bf16,   ///< both, in bf16 with stochastic rounding, for which the device must have `adamw_narrow`
    second  ///< no first one, the second in accumulators: RMSprop
};

/// Everything that training changes: flat vectors of one shape, and the number of steps done. Where ranks share
/// the work, a vector that is sharded has only this rank's shard (comm/shards.hpp).
template <Device D>
struct TrainState {
    Shards shards;
    Zero zero;
    Moments moments;
    Tensor<Scalar<D>, 1, D> weights;
    /// What bf16 weights lack to be exact floats; sharded as the moments are. Other devices have none.
    Tensor<std::int16_t, 1, D> remainders;
    Tensor<Accumulator<D>, 1, D> gradients;
    Tensor<Accumulator<D>, 1, D> m;         ///< the first moment; empty with `Moments::second`
    Tensor<Accumulator<D>, 1, D> v;         ///< the second moment
    Tensor<bf16, 1, D> narrow_m, narrow_v;  ///< those of `Moments::bf16`; then the two above are empty
    Index step = 0;
    /// One more gradient per level of the tree over lanes; made when a step first needs them.
    std::vector<Tensor<Accumulator<D>, 1, D>> lane_gradients;
    /// One lane's gradients, all of them, where they are sharded but a lane is worked through in several
    /// micro-batches.
    std::optional<Tensor<Accumulator<D>, 1, D>> whole_gradients;
    std::unique_ptr<ExchangeSpace<D>> exchange;
    /// What a device recorded of the steps, where it can. Steps with another model object, or after products were
    /// pinned, need a new one: `state.records = {}`.
    typename detail::RecordsOf<D>::type records;

    TrainState(D& device, const ParameterLayout& layout, Sharding sharding = {}, Moments keep = Moments::full)
        : shards(layout, sharding.ranks, sharding.rank),
          zero(sharding.ranks > 1 ? sharding.zero : Zero::off),
          moments(keep),
          weights(device, {zero >= Zero::weights ? shards.size() : layout.size()}),
          remainders(device, {has_remainders<D> ? moment_count(layout) : 0}),
          gradients(device, {zero >= Zero::gradients ? shards.size() : layout.size()}),
          m(device, {keep == Moments::full ? moment_count(layout) : 0}),
          v(device, {keep == Moments::bf16 ? 0 : moment_count(layout)}),
          narrow_m(device, {keep == Moments::bf16 ? moment_count(layout) : 0}),
          narrow_v(device, narrow_m.shape()) {}

    /// Empty, as each part of it is, where the state keeps none.
    [[nodiscard]] MomentView<Accumulator<D>> first_moment() { return moment(m, narrow_m); }
    [[nodiscard]] MomentView<Accumulator<D>> second_moment() { return moment(v, narrow_v); }
    [[nodiscard]] bool has_first_moment() const { return moments != Moments::second; }

    /// This rank's part of a unit's weights, to be updated.
    [[nodiscard]] MasterWeights<Scalar<D>> master_weights(Index unit) {
        const Range narrow = own(unit, Zero::weights), rest = own(unit, Zero::moments);
        const auto part = weights.view().slice(narrow.first, narrow.count);
        if constexpr (!has_remainders<D>) return part;
        return {part, remainders.view().slice(rest.first, rest.count)};
    }
    /// Where this rank's part of a unit lies in a vector that is sharded from `level` on.
    [[nodiscard]] Range own(Index unit, Zero level) const {
        return zero >= level ? shards.shard(unit) : shards.own(unit);
    }

private:
    [[nodiscard]] Index moment_count(const ParameterLayout& layout) const {
        return zero >= Zero::moments ? shards.size() : layout.size();
    }
    static MomentView<Accumulator<D>> moment(Tensor<Accumulator<D>, 1, D>& wide, Tensor<bf16, 1, D>& narrow) {
        if (narrow.size() > 0) return narrow.view();
        return wide.view();
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
    const Range all{0, model.layout().size()};
    if (state.zero < Zero::moments) {
        return initialize(device, model.layout(), all, {state.weights.view(), state.remainders.view()}, options);
    }
    if (state.zero < Zero::weights) initialize(device, model.layout(), all, state.weights.view(), options);
    if (state.zero < Zero::weights && !has_remainders<D>) return;
    for (Index u = 0; u < state.shards.unit_count(); ++u) {
        initialize(device, model.layout(), state.shards.own(u), state.master_weights(u), options);
    }
}

}  // namespace lapidary
