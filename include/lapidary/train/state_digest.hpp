#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/ops/digest.hpp>
#include <lapidary/optim/train_state.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace lapidary {

/// A number for each leaf of a model: the digests (`digests`) of its weights and of the moments that the state
/// keeps, each times an odd factor, added. It changes if one element of the training state does, and if several do
/// by all but a small chance.
///
/// All ranks call it, each digests what it keeps, and all get all; the same numbers for any number of threads and
/// ranks, and however the state is sharded. One pass over the state.
template <Device D, Communicator World>
std::vector<std::uint64_t> state_digest(D& device, World& world, const ParameterLayout& layout,
                                        TrainState<D>& state) {
    detail::require_ranks("state_digest", state, world);
    std::vector<Index> starts;
    for (const Leaf& leaf : layout.leaves()) starts.push_back(leaf.offset);
    std::vector<std::uint64_t> own(starts.size());
    const auto add = [&](std::uint64_t which, const std::vector<std::uint64_t>& sums) {
        for (std::size_t i = 0; i < own.size(); ++i) own[i] += digest_key(which << 60) * sums[i];
    };
    for (Index u = 0; u < state.shards.unit_count(); ++u) {
        const Range part = state.shards.own(u), held = state.own(u, Zero::moments);
        const MasterWeights<Scalar<D>> weights = state.master_weights(u);
        const auto moment = [&](MomentView<Accumulator<D>> whole) -> MomentView<const Accumulator<D>> {
            const auto slice = whole.slice(held.first, held.count);
            if (slice.narrow.empty()) return ConstView<Accumulator<D>, 1>(slice.wide);
            return ConstView<bf16, 1>(slice.narrow);
        };
        add(0, weight_digests(device, {weights.weights, weights.remainders}, part.first, starts));
        if (state.has_first_moment())
            add(1, moment_digests(device, moment(state.first_moment()), part.first, starts));
        add(2, moment_digests(device, moment(state.second_moment()), part.first, starts));
    }
    const std::vector<std::uint64_t> all =
        gather(device, world, std::span<const std::uint64_t>(own), "gather of digests");
    std::vector<std::uint64_t> total(own.size());
    for (std::size_t i = 0; i < all.size(); ++i) total[i % total.size()] += all[i];
    return total;
}

}  // namespace lapidary
