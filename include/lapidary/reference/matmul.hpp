#pragma once

#include <lapidary/ops/matmul.hpp>
#include <lapidary/reference/device.hpp>

namespace lapidary {

inline void matmul_on(Reference&, ConstView<double, 2> x, ConstView<double, 2> w, View<double, 2> y, Store store) {
    for (Index n = 0; n < y.extent(0); ++n) {
        for (Index m = 0; m < y.extent(1); ++m) {
            double total = store == Store::add ? y.at(n)[m] : 0;
            for (Index k = 0; k < x.extent(1); ++k) total += x.at(n)[k] * w.at(m)[k];
            y.at(n)[m] = total;
        }
    }
}

inline void matmul_input_gradient_on(Reference&, ConstView<double, 2> dy, ConstView<double, 2> w,
                                     View<double, 2> dx, Store store) {
    for (Index n = 0; n < dx.extent(0); ++n) {
        for (Index k = 0; k < dx.extent(1); ++k) {
            double total = store == Store::add ? dx.at(n)[k] : 0;
            for (Index m = 0; m < dy.extent(1); ++m) total += dy.at(n)[m] * w.at(m)[k];
            dx.at(n)[k] = total;
        }
    }
}

inline void matmul_weight_gradient_on(Reference&, ConstView<double, 3> dy, ConstView<double, 3> x,
                                      View<double, 2> dw) {
    const ConstView<double, 2> dy_rows = dy.rows();
    const ConstView<double, 2> x_rows = x.rows();
    for (Index m = 0; m < dw.extent(0); ++m) {
        for (Index k = 0; k < dw.extent(1); ++k) {
            for (Index n = 0; n < dy_rows.extent(0); ++n) dw.at(m)[k] += dy_rows.at(n)[m] * x_rows.at(n)[k];
        }
    }
}

}  // namespace lapidary
