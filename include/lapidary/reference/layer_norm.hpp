#pragma once

#include <lapidary/ops/layer_norm.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>

namespace lapidary {

inline void layer_norm_on(Reference&, ConstView<double, 2> x, ConstView<double, 1> gain, ConstView<double, 1> bias,
                          double epsilon, View<double, 2> y, RowStatistics<double> rows) {
    const Index width = x.extent(1);
    for (Index n = 0; n < x.extent(0); ++n) {
        double total = 0, squares = 0;
        for (Index c = 0; c < width; ++c) total += x.at(n)[c];
        const double mean = total / static_cast<double>(width);
        for (Index c = 0; c < width; ++c) squares += (x.at(n)[c] - mean) * (x.at(n)[c] - mean);
        const double r = 1 / std::sqrt(squares / static_cast<double>(width) + epsilon);
        rows.mean[n] = mean;
        rows.inverse_deviation[n] = r;
        for (Index c = 0; c < width; ++c) {
            y.at(n)[c] = (x.at(n)[c] - mean) * r * gain[c] + (bias.empty() ? 0 : bias[c]);
        }
    }
}

// With z = (x - mean) r and u = dy * gain: dx = r (u - mean(u) - z mean(u z)), dgain = sum over rows of dy z,
// dbias = sum over rows of dy.
inline void layer_norm_gradient_on(Reference&, ConstView<double, 3> x_, ConstView<double, 1> gain,
                                   RowStatistics<double> rows, ConstView<double, 3> dy_, View<double, 3> dx_,
                                   View<double, 1> dgain, View<double, 1> dbias) {
    const auto x = x_.rows(), dy = dy_.rows();
    const auto dx = dx_.rows();
    const Index width = x.extent(1);
    for (Index n = 0; n < x.extent(0); ++n) {
        const double mean = rows.mean[n], r = rows.inverse_deviation[n];
        const auto z = [&](Index c) { return (x.at(n)[c] - mean) * r; };
        double plain = 0, product = 0;
        for (Index c = 0; c < width; ++c) {
            plain += dy.at(n)[c] * gain[c] / static_cast<double>(width);
            product += dy.at(n)[c] * gain[c] * z(c) / static_cast<double>(width);
        }
        for (Index c = 0; c < width; ++c) {
            dx.at(n)[c] += r * (dy.at(n)[c] * gain[c] - plain - z(c) * product);
            dgain[c] += dy.at(n)[c] * z(c);
            if (!dbias.empty()) dbias[c] += dy.at(n)[c];
        }
    }
}

}  // namespace lapidary
