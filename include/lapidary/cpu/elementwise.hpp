#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/simd.hpp>
#include <lapidary/ops/elementwise.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace lapidary {

namespace cpu {

/// Elements per task of an elementwise kernel.
inline constexpr Index elementwise_grain = 32768;

/// Calls `body(i, count)` for runs of up to 16 elements of [0, size), over all threads.
template <class Body>
void for_all_lanes(Cpu& device, Index size, Body&& body) {
    device.run_ranges(size, elementwise_grain, [&](Index first, Index length, Arena&) {
        simd::for_lanes(length, [&](Index i, Index count) { body(first + i, count); });
    });
}

}  // namespace cpu

inline void fill_on(Cpu& device, View<float, 1> x, float value) {
    device.run_ranges(x.size(), cpu::elementwise_grain,
                      [&](Index first, Index count, Arena&) { std::fill_n(x.data + first, count, value); });
}

inline void copy_on(Cpu& device, ConstView<float, 1> x, View<float, 1> y) {
    device.run_ranges(x.size(), cpu::elementwise_grain, [&](Index first, Index count, Arena&) {
        std::memmove(y.data + first, x.data + first, static_cast<std::size_t>(count) * sizeof(float));
    });
}

inline void copy_heads_on(Cpu& device, Heads<const float> x, Heads<float> y) {
    device.run_ranges(x.batch * x.time, 64, [&](Index first, Index count, Arena&) {
        for (Index n = first; n < first + count; ++n) {
            for (Index h = 0; h < x.heads; ++h) {
                std::copy_n(x.row(n / x.time, n % x.time, h), x.size, y.row(n / x.time, n % x.time, h));
            }
        }
    });
}

inline void add_on(Cpu& device, ConstView<float, 1> x, ConstView<float, 1> y, View<float, 1> out) {
    cpu::for_all_lanes(device, x.size(), [&](Index i, Index count) {
        simd::store16(out.data + i, simd::load16(x.data + i, count) + simd::load16(y.data + i, count), count);
    });
}

inline void scale_on(Cpu& device, View<float, 1> x, float factor) {
    cpu::for_all_lanes(device, x.size(), [&](Index i, Index count) {
        simd::store16(x.data + i, simd::load16(x.data + i, count) * simd::splat(factor), count);
    });
}

template <class From, class To>
void cast_on(Cpu& device, View<const From, 1> x, View<To, 1> y) {
    device.run_ranges(x.size(), cpu::elementwise_grain, [&](Index first, Index count, Arena&) {
        for (Index i = first; i < first + count; ++i) y[i] = static_cast<To>(x[i]);
    });
}

}  // namespace lapidary
