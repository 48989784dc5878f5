#pragma once

#include <lapidary/core/bf16.hpp>
#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/simd.hpp>
#include <lapidary/ops/adamw.hpp>
#include <lapidary/ops/elementwise.hpp>

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
    device.run_ranges(x.size(), cpu::elementwise_grain, [&](Index first, Index count, Arena&) {
        std::fill_n(x.data + first, count, value);
    });
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
        for (Index i = first; i < first + count; ++i) y[i] = static_cast<To>(static_cast<float>(x[i]));
    });
}

inline void adamw_on(Cpu& device, View<float, 1> weights, ConstView<float, 1> gradients, View<float, 1> m,
                     View<float, 1> v, const AdamWUpdate& update) {
    using namespace simd;
    const auto constant = [](double value) { return splat(static_cast<float>(value)); };
    const Lanes keep = constant(1 - update.decay), gradient_scale = constant(update.gradient_scale);
    const Lanes beta1 = constant(update.beta1), rest1 = constant(1 - update.beta1);
    const Lanes beta2 = constant(update.beta2), rest2 = constant(1 - update.beta2);
    const Lanes step_size = constant(update.step_size), correction2 = constant(update.inverse_correction2);
    const Lanes epsilon = constant(update.epsilon);
    cpu::for_all_lanes(device, weights.size(), [&](Index i, Index count) {
        const Lanes g = load16(gradients.data + i, count) * gradient_scale;
        const Lanes m1 = fma(beta1, load16(m.data + i, count), rest1 * g);
        const Lanes v1 = fma(beta2, load16(v.data + i, count), rest2 * g * g);
        const Lanes w = load16(weights.data + i, count) * keep;
        store16(m.data + i, m1, count);
        store16(v.data + i, v1, count);
        store16(weights.data + i, w - step_size * m1 / fma(sqrt(v1), correction2, epsilon), count);
    });
}

}  // namespace lapidary
