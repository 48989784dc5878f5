#pragma once

#include <lapidary/ops/rotary.hpp>
#include <lapidary/reference/device.hpp>

#include <cmath>

namespace lapidary {

inline void rotary_on(Reference&, Heads<double> x, const Positions& positions, const Rotation& rotation) {
    const Index half = rotation.size / 2;
    for (Index b = 0; b < x.batch; ++b) {
        for (Index t = 0; t < x.time; ++t) {
            for (Index h = 0; h < x.heads; ++h) {
                double* row = x.row(b, t, h);
                for (Index i = 0; i < half; ++i) {
                    const double angle = rotary_angle(positions.of(b, t), i, rotation);
                    const double cosine = std::cos(angle);
                    const double sine = rotation.inverse ? -std::sin(angle) : std::sin(angle);
                    double& first = row[rotation.pairing == Pairing::halves ? i : 2 * i];
                    double& second = row[rotation.pairing == Pairing::halves ? half + i : 2 * i + 1];
                    const double a = first, c = second;
                    first = a * cosine - c * sine;
                    second = c * cosine + a * sine;
                }
            }
        }
    }
}

}  // namespace lapidary
