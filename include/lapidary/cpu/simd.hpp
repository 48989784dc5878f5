#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/cpu/vec.hpp>

#include <cstring>

/// Vectors whose results do not depend on the machine's vector width.
///
/// `Lanes` is always 16 floats, in as many registers as that takes; kernels are written with `Lanes`, and every
/// reduction over it follows one fixed tree, so SSE, AVX2, AVX-512 and NEON give equal bits.
namespace lapidary::simd {

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
/// The first `count` floats at p, the others `rest`: what lies behind them is not touched. What a kernel computes
/// from the others must not matter, so `rest` is the neutral element of a reduction that includes them.
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
