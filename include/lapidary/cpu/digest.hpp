#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/ops/digest.hpp>

#include <array>
#include <bit>

namespace lapidary {

namespace cpu {

/// Halves of the keys within a block: products of 32 bits are what vectors of integers can do.
struct DigestKeys {
    alignas(64) std::array<std::uint32_t, digest_block> low{}, high{};

    constexpr DigestKeys() {
        for (std::size_t i = 0; i < low.size(); ++i) {
            low[i] = static_cast<std::uint32_t>(digest_key(i));
            high[i] = static_cast<std::uint32_t>(digest_key(i) >> 32);
        }
    }
};
inline constexpr DigestKeys digest_keys;

/// The digest of `count` elements from `position` on, of one block.
inline std::uint64_t digest_part(const float* x, Index position, Index count) {
    const std::uint32_t* const low = digest_keys.low.data() + position % digest_block;
    const std::uint32_t* const high = digest_keys.high.data() + position % digest_block;
    std::uint64_t lows = 0;
    std::uint32_t highs = 0;
    for (Index i = 0; i < count; ++i) {
        const auto bits = std::bit_cast<std::uint32_t>(x[i]);
        lows += std::uint64_t{bits} * low[i];
        highs += bits * high[i];
    }
    return (lows + (std::uint64_t{highs} << 32)) * digest_key(static_cast<std::uint64_t>(position / digest_block));
}

}  // namespace cpu

inline void digests_on(Cpu& device, ConstView<float, 1> x, Index first, std::span<const Index> starts,
                       std::span<std::uint64_t> sums) {
    constexpr Index grain = 64 * digest_block;
    std::vector<std::uint64_t> parts(static_cast<std::size_t>(ceil_div(x.size(), grain)) + starts.size());
    device.run_ranges(x.size(), grain, [&](Index begin, Index count, Arena&) {
        Index at = first + begin;
        const Index end = at + count;
        auto run = std::upper_bound(starts.begin(), starts.end(), at) - starts.begin() - 1;
        for (; at < end; ++run) {
            const bool last = run + 1 == std::ssize(starts);
            const Index stop = last ? end : std::min(end, starts[static_cast<std::size_t>(run + 1)]);
            std::uint64_t& part = parts[static_cast<std::size_t>(begin / grain + run)];
            while (at < stop) {
                const Index here = std::min(stop, (at / digest_block + 1) * digest_block) - at;
                part += cpu::digest_part(x.data + (at - first), at, here);
                at += here;
            }
        }
    });
    detail::each_digest_piece(first, x.size(), grain, starts, [&](Index piece, Index run) {
        sums[static_cast<std::size_t>(run)] += parts[static_cast<std::size_t>(piece)];
    });
}

}  // namespace lapidary
