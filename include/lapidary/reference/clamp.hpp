#pragma once

#include <lapidary/ops/clamp.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>

namespace lapidary {

inline void clamp_on(Reference&, View<double, 1> x, double limit) {
    for (double& element : x) element = element > limit ? limit : element < -limit ? -limit : element;
}

inline void clamp_gradient_on(Reference&, ConstView<double, 1> y, double limit, View<double, 1> d) {
    for (Index i = 0; i < y.size(); ++i) {
        if (std::abs(y[i]) >= limit) d[i] = 0;
    }
}

}  // namespace lapidary
