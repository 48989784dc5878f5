#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/permutation.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

/// Which windows of a source are held out for validation: exactly as many as a recipe says, drawn by a keyed
/// bijection; a pure function of (windows, number, seed, source). Memory: 8 bytes a window held out.
class HeldOutWindows {
public:
    /// Throws Error(value) if more than the source has would be held out.
    HeldOutWindows(Index windows, Index held_out, std::uint64_t seed, std::uint64_t source) : windows_(windows) {
        if (held_out > windows) {
            throw Error(ErrorCode::value, "hold out",
                        std::to_string(held_out) + " windows, there are " + std::to_string(windows));
        }
        const Permutation draw(windows, seed, source, "validation");
        for (Index i = 0; i < held_out; ++i) held_out_.push_back(draw(i));
        std::sort(held_out_.begin(), held_out_.end());
    }

    /// The windows held out, ascending.
    [[nodiscard]] const std::vector<Index>& windows() const { return held_out_; }
    [[nodiscard]] Index training() const { return windows_ - static_cast<Index>(held_out_.size()); }
    /// The i-th of the others, in their order. O(log n).
    [[nodiscard]] Index training(Index i) const {
        std::size_t before = 0;  // held-out windows before it: the first k with held_out[k] - k > i
        std::size_t end = held_out_.size();
        while (before < end) {
            const std::size_t middle = before + (end - before) / 2;
            if (held_out_[middle] - static_cast<Index>(middle) > i) {
                end = middle;
            } else {
                before = middle + 1;
            }
        }
        return i + static_cast<Index>(before);
    }

private:
    Index windows_;
    std::vector<Index> held_out_;
};

}  // namespace lapidary
