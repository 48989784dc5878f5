#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/ops/embedding.hpp>

#include <algorithm>
#include <cstdint>

namespace lapidary {

inline void embedding_on(Cpu& device, ConstView<float, 2> table, ConstView<std::int32_t, 1> ids,
                         View<float, 2> out) {
    const Index width = table.extent(1);
    device.run_ranges(ids.size(), 64, [&](Index first, Index count, Arena&) {
        for (Index n = first; n < first + count; ++n) {
            std::copy_n(table.data + ids[n] * width, width, out.data + n * width);
        }
    });
}

// Threads share out columns, so each element of the table is summed over tokens in order, by one thread.
inline void embedding_gradient_on(Cpu& device, ConstView<std::int32_t, 1> ids, ConstView<float, 2> dout,
                                  View<float, 2> dtable, Index frozen_row) {
    const Index width = dtable.extent(1);
    device.run_ranges(width, 64, [&](Index first, Index count, Arena&) {
        for (Index n = 0; n < ids.size(); ++n) {
            if (ids[n] == frozen_row) continue;
            const float* from = dout.data + n * width + first;
            float* to = dtable.data + ids[n] * width + first;
            for (Index c = 0; c < count; ++c) to[c] += from[c];
        }
    });
}

}  // namespace lapidary
