#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/held_out.hpp>
#include <lapidary/data/permutation.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace lapidary {

/// The whole steps that a number of epochs holds, and at least one. Throws Error(value) if there are no items, a
/// number is not positive, or the epochs hold more items than an Index counts.
inline Index epoch_steps(Index items, Index batch, Index epochs) {
    if (items < 1 || batch < 1 || epochs < 1) {
        throw Error(ErrorCode::value, "epoch_order",
                    std::to_string(epochs) + " epochs of " + std::to_string(items) + " items, " +
                        std::to_string(batch) + " a step: each must be at least 1");
    }
    if (epochs > std::numeric_limits<Index>::max() / items) {
        throw Error(
            ErrorCode::value, "epoch_order",
            std::to_string(epochs) + " epochs of " + std::to_string(items) + " items are too many to count");
    }
    return std::max<Index>(1, epochs * items / batch);
}

struct EpochOrderOptions {
    Index batch = 1;         ///< items a step
    Index held_out = 0;      ///< items that no step trains on
    std::uint64_t seed = 0;  ///< of the order of every epoch, and of what is held out
};

/// Which items each step trains on: epochs end to end, each in an order of its own, `batch` items a step, so that
/// a step may end one epoch and begin the next. A pure function of (number of items, options, step): nothing is
/// kept but what is held out.
class EpochOrder {
public:
    /// Throws Error(value) unless there is something to train on.
    EpochOrder(Index items, const EpochOrderOptions& options)
        : batch_(options.batch), seed_(options.seed), held_out_(items, options.held_out, options.seed, 0) {
        if (options.held_out < 0) {
            throw Error(ErrorCode::value, "epoch_order", std::to_string(options.held_out) + " items held out");
        }
        (void)steps(1);
    }

    /// The items held out, ascending.
    [[nodiscard]] const std::vector<Index>& held_out() const { return held_out_.windows(); }
    /// How many items an epoch has.
    [[nodiscard]] Index size() const { return held_out_.training(); }
    /// As `epoch_steps`.
    [[nodiscard]] Index steps(Index epochs) const { return epoch_steps(size(), batch_, epochs); }

    /// The items of a step, from 0.
    [[nodiscard]] std::vector<Index> operator()(Index step) const {
        std::vector<Index> items;
        Index place = step * batch_;
        while (std::ssize(items) < batch_) {
            const Index epoch = place / size();
            const Permutation order(size(), seed_, static_cast<std::uint64_t>(epoch), "epoch");
            for (; place < (epoch + 1) * size() && std::ssize(items) < batch_; ++place) {
                items.push_back(held_out_.training(order(place % size())));
            }
        }
        return items;
    }
    /// The epoch of a step's first item.
    [[nodiscard]] Index epoch(Index step) const { return step * batch_ / size(); }
    /// Whether a step takes the last item of an epoch.
    [[nodiscard]] bool ends_epoch(Index step) const { return (step + 1) * batch_ / size() > epoch(step); }

private:
    Index batch_;
    std::uint64_t seed_;
    HeldOutWindows held_out_;
};

}  // namespace lapidary
