#pragma once

#include <lapidary/cpu/elementwise.hpp>
#include <lapidary/cpu/exp.hpp>
#include <lapidary/ops/gelu.hpp>

namespace lapidary {

namespace simd {

/// Phi(-|x|), the tail of the normal distribution: absolute error below 3e-8, relative below 1e-5; 0 beyond 6.5.
/// As e^-q / 2, where q / |x| is a polynomial in |x| fitted to -log(erfc(|x| / sqrt(2))) / |x| on [0, 6.5].
inline Vec normal_tail(Vec x) {
    Vec t = x < Vec{} ? -x : x;
    const IntVec beyond = t > broadcast(6.5F);
    t = beyond ? broadcast(6.5F) : t;
    Vec q = broadcast(-1.5144479e-9F);
    for (const float c : {5.9137356e-8F, -1.0165776e-6F, 1.0042898e-5F, -6.1214356e-5F, 2.0996758e-4F,
                          -1.7237484e-5F, -4.8072976e-3F, 3.6350064e-2F, 3.1830621e-1F, 7.9788488e-1F}) {
        q = fma(q, t, broadcast(c));
    }
    const Vec tail = broadcast(0.5F) * exp(Vec{} - q * t);
    return beyond ? Vec{} : tail;
}

/// Phi(x), the normal distribution function.
inline Lanes normal_distribution(const Lanes& x) {
    return map(x, [](Vec a) {
        const Vec tail = normal_tail(a);
        return a < Vec{} ? tail : broadcast(1) - tail;
    });
}

}  // namespace simd

namespace cpu {

inline constexpr float gelu_slope = 0.79788456F;  // sqrt(2 / pi)
inline constexpr float gelu_cubic = 0.044715F;

/// The factor g(x) of gelu(x) = x g(x): (1 + tanh(z)) / 2 is the sigmoid of 2 z.
inline simd::Lanes gelu_gate(const simd::Lanes& x, Gelu form) {
    using namespace simd;
    if (form == Gelu::erf) return normal_distribution(x);
    return sigmoid(splat(2 * gelu_slope) * fma(splat(gelu_cubic) * x * x, x, x));
}

/// gelu'(x).
inline simd::Lanes gelu_slope_at(const simd::Lanes& x, Gelu form) {
    using namespace simd;
    const Lanes gate = gelu_gate(x, form);
    if (form == Gelu::erf) return fma(x * splat(0.39894228F), simd::exp(splat(-0.5F) * x * x), gate);
    const Lanes inner = splat(2 * gelu_slope) * fma(splat(3 * gelu_cubic) * x, x, splat(1));
    return fma(x * gate * (splat(1) - gate), inner, gate);
}

}  // namespace cpu

inline void gelu_on(Cpu& device, ConstView<float, 1> x, Gelu form, View<float, 1> y) {
    cpu::for_all_lanes(device, x.size(), [&](Index i, Index count) {
        const simd::Lanes value = simd::load16(x.data + i, count);
        simd::store16(y.data + i, value * cpu::gelu_gate(value, form), count);
    });
}

inline void gelu_gradient_on(Cpu& device, ConstView<float, 1> x, Gelu form, ConstView<float, 1> dy,
                             View<float, 1> dx) {
    cpu::for_all_lanes(device, x.size(), [&](Index i, Index count) {
        const simd::Lanes slope = cpu::gelu_slope_at(simd::load16(x.data + i, count), form);
        simd::store16(dx.data + i, simd::load16(dy.data + i, count) * slope, count);
    });
}

}  // namespace lapidary
