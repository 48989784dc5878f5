#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/ops/digest.hpp>

#include <array>
#include <bit>

namespace lapidary {

namespace cpu {

inline constexpr auto element_keys = [] {
    std::array<std::uint32_t, digest_block> keys{};
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = element_key(i);
    return keys;
}();

/// The digest of `count` elements from `position` on, of one block of keys.
inline std::uint64_t digest_part(const float* x, Index position, Index count) {
    const std::uint32_t* const keys = element_keys.data() + position % digest_block;
    std::uint64_t sum = 0;
    for (Index i = 0; i < count; ++i) sum += std::uint64_t{std::bit_cast<std::uint32_t>(x[i])} * keys[i];
    return sum * digest_key(static_cast<std::uint64_t>(position / digest_block));
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
