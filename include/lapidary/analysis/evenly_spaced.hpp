#pragma once

#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <vector>

namespace lapidary {

/// `wanted` positions of `count`, as evenly spaced as can be, the first and the last among them; one is the last.
/// All, if there are no more. None for counts below 1.
inline std::vector<Index> evenly_spaced(Index count, Index wanted) {
    std::vector<Index> result;
    const Index taken = std::min(count, wanted);
    for (Index i = 0; i < taken; ++i) {
        result.push_back(taken == 1 ? count - 1 : (2 * i * (count - 1) + taken - 1) / (2 * (taken - 1)));
    }
    return result;
}

}  // namespace lapidary
