#pragma once

#include <lapidary/core/host_device.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace lapidary {

/// Philox 4x32 with 10 rounds: 128 counter bits and 64 key bits in, 128 random bits out. No state, so any
/// thread, rank or replay draws the same number for the same question.
/// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
///
/// The counter is replaced by the random bits.
LAPIDARY_HOST_DEVICE constexpr void philox4x32(std::uint32_t (&counter)[4], std::uint32_t key0,
                                               std::uint32_t key1) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * counter[0];
        const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * counter[2];
        counter[0] = static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key0;
        counter[1] = static_cast<std::uint32_t>(p1);
        counter[2] = static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key1;
        counter[3] = static_cast<std::uint32_t>(p0);
        key0 += 0x9E3779B9U;
        key1 += 0xBB67AE85U;
    }
}
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
    std::uint32_t words[4] = {counter[0], counter[1], counter[2], counter[3]};
    philox4x32(words, key[0], key[1]);
    return {words[0], words[1], words[2], words[3]};
}

/// FNV-1a, 64 bits: turns a purpose or a parameter's name into a number that no layout change can move.
constexpr std::uint64_t name_hash(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
}

/// A stream of random numbers that is a pure function of (seed, purpose, item, element).
///
/// `purpose` names the use ("initialize", "sample", "shuffle") so that two uses never share numbers; `item` is
/// the step, chunk or parameter it is drawn for; `element` counts within it.
class Philox {
public:
    constexpr Philox(std::uint64_t seed, std::string_view purpose, std::uint64_t item = 0) {
        // The purpose enters the key through one Philox round-trip, so that seeds and purposes cannot cancel.
        const std::uint64_t hash = name_hash(purpose);
        const auto mixed = philox4x32({low(hash), high(hash), 0, 0}, {low(seed), high(seed)});
        key_ = {mixed[0], mixed[1]};
        item_ = {low(item), high(item)};
    }

    /// 128 random bits for one element.
    [[nodiscard]] constexpr std::array<std::uint32_t, 4> bits(std::uint64_t element) const {
        return philox4x32({low(element), high(element), item_[0], item_[1]}, key_);
    }

    /// What a kernel needs to draw the same: `philox4x32({low, high of the element, item}, key)`.
    [[nodiscard]] constexpr std::array<std::uint32_t, 2> key() const { return key_; }
    [[nodiscard]] constexpr std::array<std::uint32_t, 2> item() const { return item_; }

    /// 64 random bits for one element.
    [[nodiscard]] constexpr std::uint64_t integer(std::uint64_t element) const {
        const auto words = bits(element);
        return (std::uint64_t{words[1]} << 32) | words[0];
    }

    /// Uniform in [0, 1), 53 bits.
    [[nodiscard]] constexpr double uniform(std::uint64_t element) const {
        return static_cast<double>(integer(element) >> 11) * 0x1.0p-53;
    }

    /// Standard normal by the Box-Muller transform in double, one per element.
    [[nodiscard]] double normal(std::uint64_t element) const {
        const auto words = bits(element);
        const std::uint64_t a = (std::uint64_t{words[1]} << 32) | words[0];
        const std::uint64_t b = (std::uint64_t{words[3]} << 32) | words[2];
        const double u = (static_cast<double>(a >> 11) + 0.5) * 0x1.0p-53;  // in (0, 1)
        const double v = static_cast<double>(b >> 11) * 0x1.0p-53;
        return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
    }

private:
    static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
    static constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

    std::array<std::uint32_t, 2> key_{};
    std::array<std::uint32_t, 2> item_{};
};

}  // namespace lapidary
