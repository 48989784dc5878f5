#pragma once

#include <lapidary/core/shape.hpp>

namespace lapidary {

/// Consecutive elements of a flat vector.
struct Range {
    Index first = 0;
    Index count = 0;

    [[nodiscard]] Index end() const { return first + count; }
    friend bool operator==(const Range&, const Range&) = default;
};

}  // namespace lapidary
