#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lapidary::detail {

/// A fixed table from two 32-bit numbers to a value, one flat array: made for many look-ups that mostly miss.
template <class Value>
class PairTable {
public:
    PairTable() : PairTable(0) {}
    explicit PairTable(std::size_t expected) : slots_(std::bit_ceil(2 * expected + 2)) {
        shift_ = 64 - std::countr_zero(slots_.size());
    }

    /// Sets the value of a pair, which must not be (2^32 - 1, 2^32 - 1); at most as many pairs as expected.
    void set(std::uint32_t first, std::uint32_t second, const Value& value) {
        Slot& slot = slots_[position(key(first, second))];
        slot = {key(first, second), value};
    }

    /// The value of a pair, null if there is none.
    [[nodiscard]] const Value* find(std::uint32_t first, std::uint32_t second) const {
        const Slot& slot = slots_[position(key(first, second))];
        return slot.key == none ? nullptr : &slot.value;
    }

private:
    static constexpr std::uint64_t none = ~std::uint64_t{0};
    struct Slot {
        std::uint64_t key = none;
        Value value{};
    };

    static std::uint64_t key(std::uint32_t first, std::uint32_t second) {
        return std::uint64_t{first} << 32 | second;
    }
    /// Where the key is, or the free slot where it would be.
    [[nodiscard]] std::size_t position(std::uint64_t key) const {
        std::size_t i = (key ^ key >> 29) * 0x9E3779B97F4A7C15ULL >> shift_;
        while (slots_[i].key != key && slots_[i].key != none) i = (i + 1) & (slots_.size() - 1);
        return i;
    }

    std::vector<Slot> slots_;
    int shift_ = 0;
};

}  // namespace lapidary::detail
