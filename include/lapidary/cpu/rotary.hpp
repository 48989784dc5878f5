#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/simd.hpp>
#include <lapidary/ops/rotary.hpp>

#include <cmath>

namespace lapidary {

inline void rotary_on(Cpu& device, Heads<float> x, Index first_position, const Rotation& rotation) {
    using namespace simd;
    const Index half = rotation.size / 2;
    device.run(x.time, [&](Index t, Arena& arena) {
        // One angle per pair serves every sequence and head at this position.
        float* cosines = arena.allocate<float, 1>({half}).data;
        float* sines = arena.allocate<float, 1>({half}).data;
        for (Index i = 0; i < half; ++i) {
            const double angle = rotary_angle(first_position + t, i, rotation);
            cosines[i] = static_cast<float>(std::cos(angle));
            sines[i] = static_cast<float>(rotation.inverse ? -std::sin(angle) : std::sin(angle));
        }
        for (Index b = 0; b < x.batch; ++b) {
            for (Index h = 0; h < x.heads; ++h) {
                float* low = x.row(b, t, h);
                float* high = low + half;
                for_lanes(half, [&](Index i, Index count) {
                    const Lanes a = load16(low + i, count), c = load16(high + i, count);
                    const Lanes cosine = load16(cosines + i, count), sine = load16(sines + i, count);
                    store16(low + i, a * cosine - c * sine, count);
                    store16(high + i, c * cosine + a * sine, count);
                });
            }
        }
    });
}

}  // namespace lapidary
