#pragma once

#include <lapidary/ops/elementwise.hpp>
#include <lapidary/reference/device.hpp>

#include <algorithm>

namespace lapidary {

inline void fill_on(Reference&, View<double, 1> x, double value) {
    for (double& element : x) element = value;
}

inline void copy_on(Reference&, ConstView<double, 1> x, View<double, 1> y) {
    for (Index i = 0; i < x.size(); ++i) y[i] = x[i];
}

inline void copy_heads_on(Reference&, Heads<const double> x, Heads<double> y) {
    for (Index b = 0; b < x.batch; ++b) {
        for (Index t = 0; t < x.time; ++t) {
            for (Index h = 0; h < x.heads; ++h) std::copy_n(x.row(b, t, h), x.size, y.row(b, t, h));
        }
    }
}

inline void add_on(Reference&, ConstView<double, 1> x, ConstView<double, 1> y, View<double, 1> out) {
    for (Index i = 0; i < x.size(); ++i) out[i] = x[i] + y[i];
}

inline void scale_on(Reference&, View<double, 1> x, double factor) {
    for (double& element : x) element *= factor;
}

template <class From, class To>
void cast_on(Reference&, View<const From, 1> x, View<To, 1> y) {
    for (Index i = 0; i < x.size(); ++i) y[i] = static_cast<To>(x[i]);
}

}  // namespace lapidary
