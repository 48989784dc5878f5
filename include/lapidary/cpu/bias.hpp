#pragma once

#include <lapidary/cpu/column_sum.hpp>
#include <lapidary/ops/bias.hpp>

namespace lapidary {

inline void add_bias_on(Cpu& device, ConstView<float, 1> bias, View<float, 2> y) {
    using namespace simd;
    const Index columns = y.extent(1);
    device.run_ranges(y.extent(0), 16, [&](Index first, Index rows, Arena&) {
        for (Index n = first; n < first + rows; ++n) {
            float* row = y.data + n * columns;
            for_lanes(columns, [&](Index c, Index count) {
                store16(row + c, load16(row + c, count) + load16(bias.data + c, count), count);
            });
        }
    });
}

inline void bias_gradient_on(Cpu& device, ConstView<float, 3> dy, View<float, 1> dbias) {
    const Index columns = dy.extent(2);
    cpu::add_column_sums(device, dy.extent(0) * dy.extent(1), dy.extent(1), dbias,
                         [&](Index n, Index c, Index count, const simd::Lanes& total) {
                             return total + simd::load16(dy.data + n * columns + c, count);
                         });
}

}  // namespace lapidary
