#pragma once

#include <lapidary/ops/embedding.hpp>
#include <lapidary/reference/device.hpp>

#include <cstdint>

namespace lapidary {

inline void embedding_on(Reference&, ConstView<double, 2> table, ConstView<std::int32_t, 1> ids,
                         View<double, 2> out) {
    for (Index n = 0; n < ids.size(); ++n) {
        for (Index c = 0; c < table.extent(1); ++c) out.at(n)[c] = table.at(ids[n])[c];
    }
}

inline void embedding_gradient_on(Reference&, ConstView<std::int32_t, 1> ids, ConstView<double, 2> dout,
                                  View<double, 2> dtable, Index frozen_row) {
    for (Index n = 0; n < ids.size(); ++n) {
        if (ids[n] == frozen_row) continue;
        for (Index c = 0; c < dtable.extent(1); ++c) dtable.at(ids[n])[c] += dout.at(n)[c];
    }
}

}  // namespace lapidary
