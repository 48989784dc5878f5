#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/core/shape.hpp>

#include <bit>
#include <cstdint>
#include <string>

namespace lapidary {

/// A shuffle of 0 .. n-1 that is a pure function of (n, seed, item) and keeps no array: any position of any
/// chunk's order can be asked for at once, by any process, in any order.
///
/// A Feistel network with Philox as its round function is a bijection of the smallest domain 4^h that holds n;
/// values that land at n or above are sent through again until they fall inside (cycle walking), which ends
/// because a bijection's cycles close, and takes fewer than four passes on average.
/// Source: Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
class Permutation {
public:
    /// `count`: number of items; `item`: what is shuffled (a chunk, counted over epochs).
    /// Throws Error(value) if `count` is negative.
    Permutation(Index count, std::uint64_t seed, std::uint64_t item)
        : count_(count), random_(seed, "permutation", item) {
        if (count < 0) throw Error(ErrorCode::value, "permutation", std::to_string(count) + " items");
        const int bits = count < 2 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count - 1)));
        half_ = (bits + 1) / 2;
        mask_ = (std::uint64_t{1} << half_) - 1;
    }

    [[nodiscard]] Index size() const { return count_; }

    /// The item at position `i`. Throws Error(value) if `i` is outside [0, size()).
    Index operator()(Index i) const {
        check("position", i);
        auto value = static_cast<std::uint64_t>(i);
        do {
            value = pass(value);
        } while (value >= static_cast<std::uint64_t>(count_));
        return static_cast<Index>(value);
    }

    /// The position of an item: the inverse, by the rounds in reverse. Throws Error(value) if `item` is outside
    /// [0, size()).
    [[nodiscard]] Index position(Index item) const {
        check("item", item);
        auto value = static_cast<std::uint64_t>(item);
        do {
            value = pass_back(value);
        } while (value >= static_cast<std::uint64_t>(count_));
        return static_cast<Index>(value);
    }

private:
    static constexpr std::uint64_t rounds = 8;

    void check(const char* what, Index i) const {
        if (i >= 0 && i < count_) return;
        throw Error(ErrorCode::value, "permutation",
                    std::string(what) + " " + std::to_string(i) + " of " + std::to_string(count_) + " items");
    }

    [[nodiscard]] std::uint64_t pass(std::uint64_t value) const {
        std::uint64_t left = value >> half_;
        std::uint64_t right = value & mask_;
        for (std::uint64_t round = 0; round < rounds; ++round) {
            const std::uint64_t mixed = left ^ (random_.integer((right << 8) | round) & mask_);
            left = right;
            right = mixed;
        }
        return (left << half_) | right;
    }
    [[nodiscard]] std::uint64_t pass_back(std::uint64_t value) const {
        std::uint64_t left = value >> half_;
        std::uint64_t right = value & mask_;
        for (std::uint64_t round = rounds; round-- > 0;) {
            const std::uint64_t before = right ^ (random_.integer((left << 8) | round) & mask_);
            right = left;
            left = before;
        }
        return (left << half_) | right;
    }

    Index count_;
    Philox random_;
    int half_ = 0;
    std::uint64_t mask_ = 0;
};

}  // namespace lapidary
