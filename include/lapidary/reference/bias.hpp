#pragma once

#include <lapidary/ops/bias.hpp>
#include <lapidary/reference/device.hpp>

namespace lapidary {

inline void add_bias_on(Reference&, ConstView<double, 1> bias, View<double, 2> y) {
    for (Index n = 0; n < y.extent(0); ++n) {
        for (Index m = 0; m < y.extent(1); ++m) y.at(n)[m] += bias[m];
    }
}

inline void bias_gradient_on(Reference&, ConstView<double, 3> dy, View<double, 1> dbias) {
    const ConstView<double, 2> rows = dy.rows();
    for (Index n = 0; n < rows.extent(0); ++n) {
        for (Index m = 0; m < rows.extent(1); ++m) dbias[m] += rows.at(n)[m];
    }
}

}  // namespace lapidary
