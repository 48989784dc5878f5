#pragma once

#include <lapidary/cpu/elementwise.hpp>
#include <lapidary/ops/clamp.hpp>

#include <cmath>

namespace lapidary {

inline void clamp_on(Cpu& device, View<float, 1> x, float limit) {
    device.run_ranges(x.size(), cpu::elementwise_grain, [&](Index first, Index count, Arena&) {
        for (Index i = first; i < first + count; ++i) x[i] = x[i] > limit ? limit : x[i] < -limit ? -limit : x[i];
    });
}

inline void clamp_gradient_on(Cpu& device, ConstView<float, 1> y, float limit, View<float, 1> d) {
    device.run_ranges(y.size(), cpu::elementwise_grain, [&](Index first, Index count, Arena&) {
        for (Index i = first; i < first + count; ++i) d[i] = std::abs(y[i]) >= limit ? 0.0F : d[i];
    });
}

}  // namespace lapidary
