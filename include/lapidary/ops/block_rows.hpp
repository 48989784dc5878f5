#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/range.hpp>
#include <lapidary/ops/check.hpp>

#include <span>
#include <string>
#include <string_view>
#include <type_traits>

// A matrix [M, P r] of P blocks on a diagonal: block p has the rows of part p and the columns [p r, (p + 1) r),
// and everything else is zero. Compact, it is [R, r], the rows of its parts one after the other, R their number.
// Parts ascend and do not overlap; rows between them, and parts of no rows, there may be. Elements are of the
// device or accumulators.

namespace lapidary {

namespace detail {

inline void require_blocks(std::string_view operation, const Shape<2>& compact, std::span<const Range> parts,
                           const Shape<2>& full) {
    Index end = 0, rows = 0;
    for (const Range& part : parts) {
        require_shape(part.count >= 0 && part.first >= end && part.end() <= full[0], operation, [&] {
            return "a part has rows [" + std::to_string(part.first) + ", " + std::to_string(part.end()) +
                   "): parts must ascend without overlap within the " + std::to_string(full[0]) + " of the matrix";
        });
        end = part.end();
        rows += part.count;
    }
    const Shape<2> expected{rows, compact[1]};
    const Index columns = static_cast<Index>(parts.size()) * compact[1];
    require_shape(compact == expected && full[1] == columns, operation, [&] {
        return "compact is " + to_string(compact) + ", full is " + to_string(full) + ": " +
               std::to_string(parts.size()) + " parts of " + std::to_string(rows) + " rows together take " +
               to_string(expected) + " and " + std::to_string(columns) + " columns";
    });
}

}  // namespace detail

/// full[i, p r + j] = the compact row of i at j, where part p has row i; else 0. compact: [R, r]; full: [M, P r].
///
/// Throws Error(shape) for parts and extents that are not those of one matrix.
template <Device D, class T>
void spread_blocks(D& device, std::type_identity_t<ConstView<T, 2>> compact, std::span<const Range> parts,
                   View<T, 2> full) {
    detail::require_blocks("spread_blocks", compact.shape, parts, full.shape);
    spread_blocks_on(device, compact, parts, full);
}

/// The reverse: the blocks of `full`, whatever else it holds. Throws as `spread_blocks`.
template <Device D, class T>
void pick_blocks(D& device, std::type_identity_t<ConstView<T, 2>> full, std::span<const Range> parts,
                 View<T, 2> compact) {
    detail::require_blocks("pick_blocks", compact.shape, parts, full.shape);
    pick_blocks_on(device, full, parts, compact);
}

}  // namespace lapidary
