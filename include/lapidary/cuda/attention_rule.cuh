#pragma once

#include <lapidary/cuda/thread.cuh>
#include <lapidary/ops/attention.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace lapidary::kernels {

/// How many of a tile's scores count.
enum class Sight { none, some, all };

LAPIDARY_KERNEL int smaller(int a, int b) { return a < b ? a : b; }

/// An `AttentionRule` without documents as kernels need it. Scores and biases are in a unit that the kernel
/// chooses: natural ones, or times log2(e) where exponentials are powers of two. Positions of queries are counted
/// in keys.
struct Scoring {
    float scale;
    float unit;
    double bias_max;
    int heads, power;  ///< of the queries; the power of two that is not below
    int window;

    /// The rule of one sequence of the batch, which is asked all that follows.
    LAPIDARY_KERNEL const Scoring& of_sequence(Index) const { return *this; }
    /// What a position of distance costs query head `head`.
    LAPIDARY_KERNEL float slope(int head) const {
        if (bias_max == 0) return 0;
        const int k = heads == power ? head : head < power / 2 ? 2 * head + 1 : 2 * (head - power / 2);
        return unit * static_cast<float>(exp2(-bias_max * (k + 1) / power));
    }
    /// The first key that the query at `position` sees.
    LAPIDARY_KERNEL int first_key(int position) const { return position >= window ? position - window + 1 : 0; }
    /// How many of the first `queries` positions are of queries whose document begins before `key`: all, as there
    /// is one document.
    LAPIDARY_KERNEL int queries_end(int, int queries) const { return queries; }
    /// Whether a query sees the key `distance` positions before it, as far as distances tell.
    LAPIDARY_KERNEL bool sees(int distance) const {
        return static_cast<unsigned>(distance) < static_cast<unsigned>(window);
    }
    /// Whether the query at `position` does.
    LAPIDARY_KERNEL bool sees(int, int distance) const { return sees(distance); }
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

/// The same where windows hold several documents. A document's start is read wherever it is asked for, because the
/// kernels have no registers left to keep it in.
struct DocumentScoring : Scoring {
    const std::int32_t* starts;  ///< [B, Tq]
    int queries, past;
    int offset = 0;  ///< in `starts`, of position 0 of the sequence

    LAPIDARY_KERNEL DocumentScoring of_sequence(Index batch) const {
        DocumentScoring own = *this;
        own.offset = static_cast<int>(batch) * queries - past;
        return own;
    }
    /// Of the query at a position; behind the last query, that one's.
    LAPIDARY_KERNEL int start(int position) const {
        return starts[offset + smaller(position, past + queries - 1)];
    }
    LAPIDARY_KERNEL int first_key(int position) const {
        const int own = start(position), by_window = Scoring::first_key(position);
        return own > by_window ? own : by_window;
    }
    // Starts do not fall from a position to the next.
    LAPIDARY_KERNEL int queries_end(int key, int end) const {
        int low = key < end ? key : end;
        while (low < end) {
            const int middle = low + (end - low) / 2;
            if (start(middle) < key) {
                low = middle + 1;
            } else {
                end = middle;
            }
        }
        return low;
    }
    using Scoring::sees;
    LAPIDARY_KERNEL bool sees(int position, int distance) const {
        return sees(distance) && position - distance >= start(position);
    }
    LAPIDARY_KERNEL Sight sight(int first, int positions, int key, int keys) const {
        const Sight by_distance = Scoring::sight(first, positions, key, keys);
        if (by_distance == Sight::none || starts[offset + first] >= key + keys) return Sight::none;
        return start(first + positions - 1) > key ? Sight::some : by_distance;
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

/// run(scoring), with a DocumentScoring if there are documents: a kernel for each, so that those without them are
/// what they would be if there were none. `keys`, `heads`: extents of k and q.
template <class Run>
void with_scoring(const AttentionRule& rule, Index keys, Index heads, float unit, Run&& run) {
    const Scoring whole = scoring(rule, heads, unit);
    if (rule.starts.empty()) return run(whole);
    run(DocumentScoring{whole, rule.starts.data, static_cast<int>(rule.starts.extent(1)),
                        static_cast<int>(keys - rule.starts.extent(1))});
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

}  // namespace lapidary::kernels
