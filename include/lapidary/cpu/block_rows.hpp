#pragma once

#include <lapidary/cpu/elementwise.hpp>
#include <lapidary/ops/block_rows.hpp>

#include <algorithm>

namespace lapidary {

namespace cpu {

/// Calls `row(i, part, compact_row)` for the rows of a matrix, over all threads, with the part that has row i and
/// the compact row that it is; for rows that none has, part is -1.
template <class Row>
void for_block_rows(Cpu& device, Index rows, Index columns, std::span<const Range> parts, Row&& row) {
    const Index grain = std::max<Index>(1, elementwise_grain / std::max<Index>(1, columns));
    device.run_ranges(rows, grain, [&](Index first, Index count, Arena&) {
        Index part = 0, before = 0;  // rows of the parts before this one
        for (Index i = first; i < first + count; ++i) {
            const auto at = [&] { return parts[static_cast<std::size_t>(part)]; };
            while (part < std::ssize(parts) && at().end() <= i) {
                before += at().count;
                ++part;
            }
            const bool has = part < std::ssize(parts) && at().first <= i;
            row(i, has ? part : -1, has ? before + i - at().first : -1);
        }
    });
}

}  // namespace cpu

inline void spread_blocks_on(Cpu& device, ConstView<float, 2> compact, std::span<const Range> parts,
                             View<float, 2> full) {
    const Index rank = compact.extent(1), columns = full.extent(1);
    cpu::for_block_rows(device, full.extent(0), columns, parts, [&](Index i, Index part, Index row) {
        float* const to = full.data + i * columns;
        std::fill_n(to, columns, 0.0F);
        if (part >= 0) std::copy_n(compact.data + row * rank, rank, to + part * rank);
    });
}

inline void pick_blocks_on(Cpu& device, ConstView<float, 2> full, std::span<const Range> parts,
                           View<float, 2> compact) {
    const Index rank = compact.extent(1), columns = full.extent(1);
    cpu::for_block_rows(device, full.extent(0), columns, parts, [&](Index i, Index part, Index row) {
        if (part >= 0) std::copy_n(full.data + i * columns + part * rank, rank, compact.data + row * rank);
    });
}

}  // namespace lapidary
