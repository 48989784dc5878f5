#pragma once

#include <lapidary/ops/rms_norm.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>

namespace lapidary {

inline void rms_norm_on(Reference&, ConstView<double, 2> x, ConstView<double, 1> gain, double epsilon,
                        View<double, 2> y, View<double, 1> inverse_rms) {
    const Index width = x.extent(1);
    for (Index n = 0; n < x.extent(0); ++n) {
        double squares = 0;
        for (Index c = 0; c < width; ++c) squares += x.at(n)[c] * x.at(n)[c];
        inverse_rms[n] = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
        for (Index c = 0; c < width; ++c) y.at(n)[c] = x.at(n)[c] * inverse_rms[n] * gain[c];
    }
}

// With r = inverse_rms and u = dy * gain: dx = r u - x r^3 mean(u x), dgain = sum over rows of dy x r.
inline void rms_norm_gradient_on(Reference&, ConstView<double, 3> x_, ConstView<double, 1> gain,
                                 ConstView<double, 1> inverse_rms, ConstView<double, 3> dy_, View<double, 3> dx_,
                                 View<double, 1> dgain) {
    const auto x = x_.rows(), dy = dy_.rows();
    const auto dx = dx_.rows();
    const Index width = x.extent(1);
    for (Index n = 0; n < x.extent(0); ++n) {
        const double r = inverse_rms[n];
        double dot = 0;
        for (Index c = 0; c < width; ++c) dot += dy.at(n)[c] * gain[c] * x.at(n)[c];
        const double shrink = r * r * r * dot / static_cast<double>(width);
        for (Index c = 0; c < width; ++c) {
            dx.at(n)[c] += dy.at(n)[c] * gain[c] * r - x.at(n)[c] * shrink;
            dgain[c] += dy.at(n)[c] * x.at(n)[c] * r;
        }
    }
}

}  // namespace lapidary
