#pragma once

#include <lapidary/ops/block_rows.hpp>
#include <lapidary/reference/device.hpp>

#include <algorithm>

namespace lapidary {

inline void spread_blocks_on(Reference&, ConstView<double, 2> compact, std::span<const Range> parts,
                             View<double, 2> full) {
    const Index rank = compact.extent(1);
    std::fill(full.begin(), full.end(), 0.0);
    Index row = 0, column = 0;
    for (const Range& part : parts) {
        for (Index i = part.first; i < part.end(); ++i, ++row) {
            for (Index j = 0; j < rank; ++j) full.at(i)[column + j] = compact.at(row)[j];
        }
        column += rank;
    }
}

inline void pick_blocks_on(Reference&, ConstView<double, 2> full, std::span<const Range> parts,
                           View<double, 2> compact) {
    const Index rank = compact.extent(1);
    Index row = 0, column = 0;
    for (const Range& part : parts) {
        for (Index i = part.first; i < part.end(); ++i, ++row) {
            for (Index j = 0; j < rank; ++j) compact.at(row)[j] = full.at(i)[column + j];
        }
        column += rank;
    }
}

}  // namespace lapidary
