#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/optim/train_state.hpp>

#include <cmath>
#include <vector>

namespace lapidary {

/// The L2 norm of all gradients together, on all ranks: squares are summed in blocks of `reduction_block` elements
/// from each unit's beginning, wherever they lie, and the blocks from the first to the last.
template <Device D, Communicator World>
double gradient_norm(D& device, World& world, const TrainState<D>& state) {
    const Shards& shards = state.shards;
    std::vector<double> own;
    for (Index u = 0; u < shards.unit_count(); ++u) {
        const Range part = state.own(u, Zero::gradients);
        for (const double sum :
             squares_by_block<D>(device, state.gradients.view().slice(part.first, part.count))) {
            own.push_back(sum);
        }
    }
    std::vector<Index> counts(static_cast<std::size_t>(shards.ranks()));
    for (int rank = 0; rank < shards.ranks(); ++rank) {
        for (Index u = 0; u < shards.unit_count(); ++u) {
            counts[static_cast<std::size_t>(rank)] += ceil_div(shards.of(u, rank).count, reduction_block);
        }
    }
    const std::vector<double> all = gather(device, world, std::span<const double>(own), counts, "gather of norms");
    // Each rank's blocks stand together; they are added in the order of the vector.
    std::vector<std::size_t> next(counts.size());
    for (std::size_t rank = 1; rank < next.size(); ++rank)
        next[rank] = next[rank - 1] + static_cast<std::size_t>(counts[rank - 1]);
    double total = 0;
    for (Index u = 0; u < shards.unit_count(); ++u) {
        for (int rank = 0; rank < shards.ranks(); ++rank) {
            const Index blocks = ceil_div(shards.of(u, rank).count, reduction_block);
            for (Index i = 0; i < blocks; ++i) total += all[next[static_cast<std::size_t>(rank)]++];
        }
    }
    return std::sqrt(total);
}

}  // namespace lapidary
