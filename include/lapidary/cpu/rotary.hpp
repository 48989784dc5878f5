#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/simd.hpp>
#include <lapidary/ops/rotary.hpp>

#include <cmath>

namespace lapidary {

namespace cpu {

/// Turns the pairs (i, i + half) of one head.
inline void turn_halves(float* low, Index half, const float* cosines, const float* sines) {
    using namespace simd;
    float* high = low + half;
    for_lanes(half, [&](Index i, Index count) {
        const Lanes a = load16(low + i, count), c = load16(high + i, count);
        const Lanes cosine = load16(cosines + i, count), sine = load16(sines + i, count);
        store16(low + i, a * cosine - c * sine, count);
        store16(high + i, c * cosine + a * sine, count);
    });
}

/// Turns the pairs (2 i, 2 i + 1) of one head.
inline void turn_neighbours(float* row, Index half, const float* cosines, const float* sines) {
    for (Index i = 0; i < half; ++i) {
        const float a = row[2 * i], c = row[2 * i + 1];
        row[2 * i] = a * cosines[i] - c * sines[i];
        row[2 * i + 1] = c * cosines[i] + a * sines[i];
    }
}

}  // namespace cpu

inline void rotary_on(Cpu& device, Heads<float> x, const Positions& positions, const Rotation& rotation) {
    const Index half = rotation.size / 2;
    device.run(x.time, [&](Index t, Arena& arena) {
        // One angle per pair serves every head at this position, and every sequence that has the same one.
        float* cosines = arena.allocate<float, 1>({half}).data;
        float* sines = arena.allocate<float, 1>({half}).data;
        const auto set_angles = [&](Index position) {
            for (Index i = 0; i < half; ++i) {
                const double angle = rotary_angle(position, i, rotation);
                cosines[i] = static_cast<float>(std::cos(angle));
                sines[i] = static_cast<float>(rotation.inverse ? -std::sin(angle) : std::sin(angle));
            }
        };
        for (Index b = 0; b < x.batch; ++b) {
            if (b == 0 || positions.of(b, t) != positions.of(b - 1, t)) set_angles(positions.of(b, t));
            for (Index h = 0; h < x.heads; ++h) {
                if (rotation.pairing == Pairing::halves) {
                    cpu::turn_halves(x.row(b, t, h), half, cosines, sines);
                } else {
                    cpu::turn_neighbours(x.row(b, t, h), half, cosines, sines);
                }
            }
        }
    });
}

}  // namespace lapidary
