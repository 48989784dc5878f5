#pragma once

#include <lapidary/ops/gelu.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>
#include <numbers>

namespace lapidary {

inline void gelu_on(Reference&, ConstView<double, 1> x, Gelu form, View<double, 1> y) {
    for (Index i = 0; i < x.size(); ++i) {
        const double a = x[i];
        y[i] = form == Gelu::erf
                   ? a / 2 * std::erfc(-a / std::numbers::sqrt2)
                   : a / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (a + 0.044715 * a * a * a)));
    }
}

inline void gelu_gradient_on(Reference&, ConstView<double, 1> x, Gelu form, ConstView<double, 1> dy,
                             View<double, 1> dx) {
    const double density = 1 / std::sqrt(2 * std::numbers::pi), slope = std::sqrt(2 / std::numbers::pi);
    for (Index i = 0; i < x.size(); ++i) {
        const double a = x[i];
        if (form == Gelu::erf) {
            dx[i] = dy[i] * (std::erfc(-a / std::numbers::sqrt2) / 2 + a * density * std::exp(-a * a / 2));
        } else {
            const double t = std::tanh(slope * (a + 0.044715 * a * a * a));
            dx[i] = dy[i] * ((1 + t) / 2 + a / 2 * (1 - t * t) * slope * (1 + 3 * 0.044715 * a * a));
        }
    }
}

}  // namespace lapidary
