#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/ops/positions.hpp>

#include <cstdint>
#include <vector>

namespace lapidary::test {

/// Where documents of 1 to `longest` tokens begin, [B, T], each sequence having its own.
inline std::vector<std::int32_t> random_starts(Index batch, Index time, Index longest, std::uint64_t item) {
    std::vector<std::int32_t> starts;
    const Philox random(5, "documents", item);
    for (Index b = 0; b < batch; ++b) {
        Index start = 0, end = 0;
        for (Index t = 0; t < time; ++t) {
            if (t == end) {
                start = t;
                end += 1 + static_cast<Index>(random.integer(static_cast<std::uint64_t>(b * time + t)) %
                                              static_cast<std::uint64_t>(longest));
            }
            starts.push_back(static_cast<std::int32_t>(start));
        }
    }
    return starts;
}

/// The same in a device's scratch.
template <class D>
DocumentStarts place_starts(D& device, Shape<2> shape, const std::vector<std::int32_t>& starts) {
    const auto view = device.scratch().template allocate<std::int32_t, 2>(shape);
    device.upload(starts.data(), view.data, starts.size() * sizeof(std::int32_t));
    return view;
}

}  // namespace lapidary::test
