#pragma once

#include <lapidary/core/shape.hpp>

#include <cmath>
#include <cstring>

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifdef __CUDACC__
#error "cpu/ headers are for the host compiler"
#endif

/// Vectors whose results do not depend on the machine's vector width.
///
/// `Vec` is the native register. `Lanes` is always 16 floats, in as many registers as that takes; kernels are written
/// with `Lanes`, and every reduction over it follows one fixed tree, so SSE, AVX2, AVX-512 and NEON give equal bits.
/// Multiply-adds are fused where `fma` says so and nowhere else (lapidary::cpu passes -ffp-contract=off).
namespace lapidary::simd {

#if defined(__AVX512F__)
inline constexpr int width = 16;
#elif defined(__AVX__)
inline constexpr int width = 8;
#else
inline constexpr int width = 4;
#endif

using Vec = float __attribute__((vector_size(width * 4)));
using IntVec = std::int32_t __attribute__((vector_size(width * 4)));

inline Vec load(const float* p) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec broadcast(float x) { return x - Vec{}; }

/// a * b + c with one rounding.
inline Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vec>(_mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b),
                                                 reinterpret_cast<__m512>(c)));
#elif defined(__FMA__)
    return reinterpret_cast<Vec>(_mm256_fmadd_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b),
                                                 reinterpret_cast<__m256>(c)));
#elif defined(__aarch64__)
    return reinterpret_cast<Vec>(vfmaq_f32(reinterpret_cast<float32x4_t>(c), reinterpret_cast<float32x4_t>(a),
                                           reinterpret_cast<float32x4_t>(b)));
#else
    for (int i = 0; i < width; ++i) c[i] = std::fma(a[i], b[i], c[i]);  // equal bits, not speed
    return c;
#endif
}

inline Vec sqrt(Vec a) {
#if defined(__AVX512F__)
    return reinterpret_cast<Vec>(_mm512_maskz_sqrt_ps(0xffff, reinterpret_cast<__m512>(a)));
#elif defined(__AVX__)
    return reinterpret_cast<Vec>(_mm256_sqrt_ps(reinterpret_cast<__m256>(a)));
#else
    for (int i = 0; i < width; ++i) a[i] = std::sqrt(a[i]);
    return a;
#endif
}

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
    p = fma(p * r, r, r) + broadcast(1.0F);
    using UnsignedVec = std::uint32_t __attribute__((vector_size(width * 4)));
    const auto bits = reinterpret_cast<UnsignedVec>(p) + (reinterpret_cast<UnsignedVec>(shifted) << 23);
    return underflow ? Vec{} : reinterpret_cast<Vec>(bits);
}

/// Sixteen floats.
struct Lanes {
    static constexpr int count = 16;
    static constexpr int parts = count / width;
    Vec part[parts];
};

/// Applies a function of `Vec` to each register.
template <class F>
inline Lanes map(const Lanes& a, F&& f) {
    Lanes r;
    for (int i = 0; i < Lanes::parts; ++i) r.part[i] = f(a.part[i]);
    return r;
}
template <class F>
inline Lanes map(const Lanes& a, const Lanes& b, F&& f) {
    Lanes r;
    for (int i = 0; i < Lanes::parts; ++i) r.part[i] = f(a.part[i], b.part[i]);
    return r;
}

inline Lanes load16(const float* p) {
    Lanes r;
    std::memcpy(&r, p, sizeof r);
    return r;
}
inline void store16(float* p, const Lanes& a) { std::memcpy(p, &a, sizeof a); }
/// The first `count` floats at p, the rest filled.
inline Lanes load16(const float* p, Index count, float rest = 0.0F) {
    if (count >= Lanes::count) return load16(p);
    alignas(64) float buffer[Lanes::count];
    for (Index i = 0; i < Lanes::count; ++i) buffer[i] = i < count ? p[i] : rest;
    return load16(buffer);
}
inline void store16(float* p, const Lanes& a, Index count) {
    if (count >= Lanes::count) return store16(p, a);
    alignas(64) float buffer[Lanes::count];
    store16(buffer, a);
    for (Index i = 0; i < count; ++i) p[i] = buffer[i];
}

inline Lanes splat(float x) {
    Lanes r;
    for (Vec& part : r.part) part = broadcast(x);
    return r;
}
inline Lanes operator+(const Lanes& a, const Lanes& b) {
    return map(a, b, [](Vec x, Vec y) { return x + y; });
}
inline Lanes operator-(const Lanes& a, const Lanes& b) {
    return map(a, b, [](Vec x, Vec y) { return x - y; });
}
inline Lanes operator*(const Lanes& a, const Lanes& b) {
    return map(a, b, [](Vec x, Vec y) { return x * y; });
}
inline Lanes operator/(const Lanes& a, const Lanes& b) {
    return map(a, b, [](Vec x, Vec y) { return x / y; });
}
inline Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
    Lanes r;
    for (int i = 0; i < Lanes::parts; ++i) r.part[i] = fma(a.part[i], b.part[i], c.part[i]);
    return r;
}
inline Lanes max(const Lanes& a, const Lanes& b) {
    return map(a, b, [](Vec x, Vec y) { return x > y ? x : y; });
}
inline Lanes exp(const Lanes& a) {
    return map(a, [](Vec x) { return exp(x); });
}
inline Lanes sqrt(const Lanes& a) {
    return map(a, [](Vec x) { return sqrt(x); });
}

/// Folds the lanes by halves: 16, 8, 4, 2, 1.
template <class F>
inline float fold(const Lanes& a, F&& f) {
    alignas(64) float buffer[Lanes::count];
    store16(buffer, a);
    for (int half = Lanes::count / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) buffer[i] = f(buffer[i], buffer[i + half]);
    }
    return buffer[0];
}
inline float sum(const Lanes& a) {
    return fold(a, [](float x, float y) { return x + y; });
}
inline float largest(const Lanes& a) {
    return fold(a, [](float x, float y) { return x > y ? x : y; });
}

/// Calls `body(first, count)` for each run of up to 16 elements of [0, size).
template <class F>
inline void for_lanes(Index size, F&& body) {
    Index i = 0;
    for (; i + Lanes::count <= size; i += Lanes::count) body(i, Index{Lanes::count});
    if (i < size) body(i, size - i);
}

}  // namespace lapidary::simd
