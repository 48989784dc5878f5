#pragma once

#include <lapidary/cpu/simd.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

/// Exponentials of our own, for equal bits everywhere, and what is made of them.
namespace lapidary::simd {

/// e^x, within 1.5 units in the last place on [-87, 88]; 0 below, e^88 above; NaN stays NaN.
inline Vec exp(Vec x) {
    const Vec low = broadcast(-87.0F);
    const Vec high = broadcast(88.0F);
    const IntVec underflow = x < low;
    x = underflow ? low : x;
    x = x > high ? high : x;
    // x = n ln 2 + r; adding 1.5 * 2^23 rounds to the integer n and leaves it in the low bits.
    const Vec shifted = fma(x, broadcast(1.44269504F), broadcast(12582912.0F));
    const Vec n = shifted - broadcast(12582912.0F);
    Vec r = fma(n, broadcast(-0.693359375F), x);
    r = fma(n, broadcast(2.12194440e-4F), r);
    Vec p = broadcast(1.9875691500e-4F);
    p = fma(p, r, broadcast(1.3981999507e-3F));
    p = fma(p, r, broadcast(8.3334519073e-3F));
    p = fma(p, r, broadcast(4.1665795894e-2F));
    p = fma(p, r, broadcast(1.6666665459e-1F));
    p = fma(p, r, broadcast(5.0000001201e-1F));
    p = fma(p * r, r, r);
    // (1 + p) * 2^n rounds as 1 + p does, and keeps a NaN.
    using UnsignedVec = std::uint32_t __attribute__((vector_size(width * 4)));
    const auto power =
        (reinterpret_cast<UnsignedVec>(shifted) << 23) + reinterpret_cast<UnsignedVec>(broadcast(1.0F));
    const Vec scale = reinterpret_cast<Vec>(power);
    return underflow ? Vec{} : fma(p, scale, scale);
}

inline Lanes exp(const Lanes& a) {
    return map(a, [](Vec x) { return exp(x); });
}

/// 1 / (1 + e^-x).
inline Lanes sigmoid(const Lanes& x) { return splat(1) / (splat(1) + exp(splat(0) - x)); }

/// log(sum(exp(row))), shifted by the largest element.
inline float log_sum_exp(const float* row, Index size) {
    constexpr float lowest = -std::numeric_limits<float>::infinity();
    Lanes highest = splat(lowest);
    for_lanes(size, [&](Index i, Index count) { highest = max(highest, load16(row + i, count, lowest)); });
    const float shift = largest(highest);
    Lanes total = splat(0);
    for_lanes(size,
              [&](Index i, Index count) { total = total + exp(load16(row + i, count, lowest) - splat(shift)); });
    return shift + std::log(sum(total));
}

}  // namespace lapidary::simd
