#pragma once

#include <lapidary/ops/elementwise.hpp>
#include <lapidary/optim/train_state.hpp>

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// How a step's batch is divided into lanes, and these among ranks.
///
/// A lane is a fixed share of the batch, whose sequences are summed one after the other. Lanes are added along the
/// binary tree that adds neighbours, then pairs of neighbours. Who computes a lane does not matter to that tree:
/// - a rank that keeps whole gradients takes consecutive lanes, a subtree, and the ranks' sums are added last;
/// - where gradients are sharded, the ranks take one lane each at a time and add these first.
struct LaneShare {
    Index count;      ///< of the run: a power of two
    Index sequences;  ///< of a lane
    Index own;        ///< lanes that this rank works through
    int ranks;
    int rank;
    bool in_turns;  ///< one lane each at a time

    /// Throws Error(value) for lanes that do not fit the batch or the ranks, with what to change.
    LaneShare(Index lanes, Index batch, int ranks_, int rank_, bool in_turns_,
              std::string_view operation = "train_step")
        : count(lanes), sequences(0), own(0), ranks(ranks_), rank(rank_), in_turns(in_turns_) {
        const auto refuse = [&](const std::string& why) { throw Error(ErrorCode::value, operation, why); };
        const std::string those = std::to_string(lanes) + (lanes == 1 ? " lane" : " lanes");
        if (lanes < 1 || !std::has_single_bit(static_cast<std::uint64_t>(lanes)) || batch % lanes != 0) {
            refuse("lanes must be a power of two that divides the batch: " + those + ", batch " +
                   std::to_string(batch));
        }
        if (ranks > lanes) {
            refuse(std::to_string(ranks) + " ranks for " + those +
                   ": start at most as many ranks as the run has lanes, or begin the run with more lanes "
                   "(StepOptions::lanes, --lanes)");
        }
        if (lanes % ranks != 0) {
            refuse(those + " cannot be shared out over " + std::to_string(ranks) +
                   " ranks: start a power of two of them");
        }
        sequences = batch / lanes;
        own = lanes / ranks;
    }

    /// Which lane of the run this rank's lane `k` is.
    [[nodiscard]] Index lane(Index k) const { return lane(k, rank); }
    /// Which one a rank's lane `k` is.
    [[nodiscard]] Index lane(Index k, int of) const { return in_turns ? k * ranks + of : of * own + k; }
    /// Further buffers that the tree over this rank's lanes needs.
    [[nodiscard]] Index levels() const { return std::countr_zero(static_cast<std::uint64_t>(own)); }

    /// The sum of one value per lane of the run, along the tree.
    [[nodiscard]] static double sum(const std::vector<double>& values, std::size_t first, std::size_t size) {
        if (size == 1) return values[first];
        return sum(values, first, size / 2) + sum(values, first + size / 2, size / 2);
    }
    /// The sum of one value per sequence of the batch: those of a lane in their order, lanes along the tree.
    [[nodiscard]] double sum_of_sequences(const std::vector<double>& values) const {
        std::vector<double> of_lanes(static_cast<std::size_t>(count));
        for (std::size_t i = 0; i < values.size(); ++i) {
            of_lanes[i / static_cast<std::size_t>(sequences)] += values[i];
        }
        return sum(of_lanes, 0, of_lanes.size());
    }
};

namespace detail {

/// The tree over a rank's lanes, in few buffers: lane k goes to `leaf(k)`, then `merge(k)` adds what has become
/// complete with it. The sum ends up in the leaf of lane 0, the state's gradients.
template <Device D>
class LaneTree {
public:
    explicit LaneTree(TrainState<D>& state) : state_(state) {}

    [[nodiscard]] View<Accumulator<D>, 1> leaf(Index k) {
        return k == 0 ? state_.gradients.view() : level(std::countr_zero(static_cast<std::uint64_t>(k)));
    }
    void merge(D& device, Index k, Range range) {
        for (int i = 0; ((k >> i) & 1) != 0; ++i) {
            const auto sum = leaf(k + 1 - (Index{2} << i)).slice(range.first, range.count);
            add(device, sum, level(i).slice(range.first, range.count), sum);
        }
    }

private:
    [[nodiscard]] View<Accumulator<D>, 1> level(int i) {
        return state_.lane_gradients[static_cast<std::size_t>(i)].view();
    }

    TrainState<D>& state_;
};

}  // namespace detail

}  // namespace lapidary
