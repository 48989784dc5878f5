#pragma once

#include <lapidary/ops/digest.hpp>
#include <lapidary/reference/device.hpp>

#include <bit>

namespace lapidary {

inline void digests_on(Reference&, ConstView<double, 1> x, Index first, std::span<const Index> starts,
                       std::span<std::uint64_t> sums) {
    for (Index i = 0; i < x.size(); ++i) {
        const auto position = static_cast<std::uint64_t>(first + i);
        const auto run = std::upper_bound(starts.begin(), starts.end(), first + i) - starts.begin() - 1;
        sums[static_cast<std::size_t>(run)] += std::bit_cast<std::uint64_t>(x[i]) *
                                               element_key(position % digest_block) *
                                               digest_key(position / digest_block);
    }
}

}  // namespace lapidary
