#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// clang-format off
#if !defined(__AVX512F__) && !defined(__FMA__) && !defined(__aarch64__) && !defined(LAPIDARY_PORTABLE_CPU)
#pragma message("lapidary: no fused multiply-adds, products are some sixty times slower; compile with -march=native, or define LAPIDARY_PORTABLE_CPU")
#endif
// clang-format on

#ifdef __CUDACC__
#error "cpu/ headers are for the host compiler"
#endif

/// The native register and what instruction sets spell differently. `Lanes` (cpu/simd.hpp) hides its width.
///
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
    return reinterpret_cast<Vec>(
        _mm512_fmadd_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(c)));
#elif defined(__FMA__)
    return reinterpret_cast<Vec>(
        _mm256_fmadd_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c)));
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

}  // namespace lapidary::simd
