#pragma once

#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>

namespace lapidary {

/// Rows [first, end) of a file.
struct RowBlock {
    Index first = 0;
    Index end = 0;
    [[nodiscard]] Index size() const { return end - first; }
};

/// `rows` rows in blocks of `size`, as a range-v3 view.
inline auto row_blocks(Index rows, Index size) {
    return ranges::views::iota(Index{0}, ceil_div(rows, size)) |
           ranges::views::transform([rows, size](Index block) {
               return RowBlock{block * size, std::min(rows, (block + 1) * size)};
           });
}

}  // namespace lapidary
