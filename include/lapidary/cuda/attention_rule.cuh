#pragma once

#include <lapidary/cuda/thread.cuh>
#include <lapidary/ops/attention.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

namespace lapidary::kernels {

/// How many of a tile's scores count.
enum class Sight { none, some, all };

/// An `AttentionRule` as kernels need it. Scores and biases are in a unit that the kernel chooses: natural ones,
/// or times log2(e) where exponentials are powers of two.
struct Scoring {
    float scale;
    float unit;
    double bias_max;
    int heads, power;  ///< of the queries; the power of two that is not below
    int window;

    /// What a position of distance costs query head `head`.
    LAPIDARY_KERNEL float slope(int head) const {
        if (bias_max == 0) return 0;
        const int k = heads == power ? head : head < power / 2 ? 2 * head + 1 : 2 * (head - power / 2);
        return unit * static_cast<float>(exp2(-bias_max * (k + 1) / power));
    }
    LAPIDARY_KERNEL int first_key(int position) const { return position >= window ? position - window + 1 : 0; }
    /// Whether a query sees the key `distance` positions before it.
    LAPIDARY_KERNEL bool sees(int distance) const {
        return static_cast<unsigned>(distance) < static_cast<unsigned>(window);
    }
    /// What the queries at positions [first, first + positions) see of `keys` keys from `key` on.
    LAPIDARY_KERNEL Sight sight(int first, int positions, int key, int keys) const {
        const int nearest = first - (key + keys - 1), farthest = first + positions - 1 - key;
        if (positions <= 0 || farthest < 0 || nearest >= window) return Sight::none;
        return nearest >= 0 && farthest < window ? Sight::all : Sight::some;
    }
    /// The score of a product, but for its bias. Rounded here, not where a compiler finds an addition to fuse it
    /// with: the bits of a row must not depend on which of its tiles are masked.
    LAPIDARY_KERNEL float scaled(float product) const {
#ifdef __CUDA_ARCH__
        return __fmul_rn(product, scale);
#else
        return product * scale;
#endif
    }
};

inline constexpr float log2_e = std::numbers::log2e_v<float>;

inline Scoring scoring(const AttentionRule& rule, Index heads, float unit) {
    constexpr int any = std::numeric_limits<int>::max();
    return {.scale = static_cast<float>(rule.scale * static_cast<double>(unit)),
            .unit = unit,
            .bias_max = rule.alibi_bias_max,
            .heads = static_cast<int>(heads),
            .power = static_cast<int>(std::bit_ceil(static_cast<unsigned>(heads))),
            .window = rule.window > 0 && rule.window < any ? static_cast<int>(rule.window) : any};
}

/// 2^x to two units in the last place; numbers too small to be normal are 0.
LAPIDARY_KERNEL float quick_exp2(float x) {
#ifdef __CUDA_ARCH__
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
#else
    return exp2f(x);
#endif
}

LAPIDARY_KERNEL int smaller(int a, int b) { return a < b ? a : b; }

}  // namespace lapidary::kernels
