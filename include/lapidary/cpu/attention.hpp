#pragma once

#include <lapidary/cpu/device.hpp>
#include <lapidary/cpu/exp.hpp>
#include <lapidary/cpu/product.hpp>
#include <lapidary/ops/attention.hpp>

#include <algorithm>
#include <limits>

namespace lapidary {

namespace cpu {

/// One head of one sequence as the operand of a product: rows are positions, `transposed` makes them the summed
/// axis.
inline Operand head_operand(const Heads<const float>& x, Index b, Index first, Index h, bool transposed = false) {
    const float* data = x.row(b, first, h);
    return transposed ? Operand{data, 1, x.time_stride} : Operand{data, x.time_stride, 1};
}

/// A strip of scores: `rows` queries of one head against `keys` keys, those that any of them sees.
///
/// Behind a window or a document's start the first key is a multiple of `accumulation_block`: sums over keys then
/// have the blocks they would have from key 0 on, less some that are all zero, so that a query's bits do not
/// depend on its strip.
struct Strip {
    Index sequence;
    Index first;  ///< first query
    Index rows;
    Index first_key;
    Index keys;
    Index position;  ///< of the first query

    /// The columns that a row sees: [begin(row), end(row)).
    [[nodiscard]] Index begin(Index row, const AttentionRule& rule) const {
        return std::max<Index>(0, rule.first_key(sequence, first + row, position + row) - first_key);
    }
    [[nodiscard]] Index end(Index row) const { return position + row + 1 - first_key; }
};

/// The strip of sequence b whose first query is `first`, of `queries` queries that end where the keys end.
inline Strip strip_from(Index b, Index first, Index queries, Index keys, const AttentionRule& rule) {
    const Index rows = std::min(attention_strip, queries - first), position = keys - queries + first;
    const Index first_key = rule.first_key(b, first, position) / accumulation_block * accumulation_block;
    return {b, first, rows, first_key, position + rows - first_key, position};
}

/// scores[rows, keys] = q k^T for one strip.
inline void strip_scores(Arena& arena, const Heads<const float>& q, const Heads<const float>& k, Index h,
                         Index kv_head, const Strip& strip, float* scores) {
    const Index b = strip.sequence;
    product(arena, strip.rows, strip.keys, q.size, q.size, head_operand(q, b, strip.first, h),
            head_operand(k, b, strip.first_key, kv_head), scores, strip.keys, Store::assign);
}

/// Products to scores, for one head: scaled, lowered by distance.
struct Scoring {
    simd::Lanes scale, slope;
    bool biased;

    Scoring(const AttentionRule& rule, Index head, Index heads)
        : scale(simd::splat(static_cast<float>(rule.scale))),
          slope(simd::splat(static_cast<float>(rule.alibi_slope(head, heads)))),
          biased(rule.alibi_bias_max != 0) {}

    /// The scores of the 16 products `x`, the first of them for the key `distance` positions before the query.
    [[nodiscard]] simd::Lanes operator()(const simd::Lanes& x, Index distance) const {
        if (!biased) return x * scale;
        float offsets[simd::Lanes::count];
        for (int i = 0; i < simd::Lanes::count; ++i) offsets[i] = static_cast<float>(i - distance);
        return simd::fma(slope, simd::load16(offsets), x * scale);
    }
};

}  // namespace cpu

inline void attention_on(Cpu& device, Heads<const float> q, Heads<const float> k, Heads<const float> v,
                         const AttentionRule& rule, Heads<float> out, View<float, 3> log_sum) {
    using namespace simd;
    const Index strips = ceil_div(q.time, attention_strip);
    device.run(q.batch * q.heads * strips, [&](Index task, Arena& arena) {
        const Index b = task % q.batch, h = task / q.batch % q.heads, kv_head = h / (q.heads / k.heads);
        const cpu::Scoring score(rule, h, q.heads);
        // The longest strips come first, so that no thread is left with one at the end.
        const Index first = (strips - 1 - task / (q.batch * q.heads)) * attention_strip;
        const cpu::Strip strip = cpu::strip_from(b, first, q.time, k.time, rule);
        float* p = arena.allocate<float, 1>({strip.rows * strip.keys}).data;
        cpu::strip_scores(arena, q, k, h, kv_head, strip, p);
        for (Index i = 0; i < strip.rows; ++i) {
            float* row = p + i * strip.keys;
            const Index begin = strip.begin(i, rule), end = strip.end(i);
            for_lanes(end, [&](Index j, Index count) {
                store16(row + j, score(load16(row + j, count), end - 1 - j), count);
            });
            std::fill(row, row + begin, -std::numeric_limits<float>::infinity());
            const float total = simd::log_sum_exp(row, end);
            log_sum.at(b).at(h)[first + i] = total;
            for_lanes(end, [&](Index j, Index count) {
                store16(row + j, simd::exp(load16(row + j, count) - splat(total)), count);
            });
            std::fill(row + end, row + strip.keys, 0.0F);
        }
        cpu::product(arena, strip.rows, v.size, strip.keys, strip.keys, {p, strip.keys, 1},
                     cpu::head_operand(v, b, strip.first_key, kv_head, true), out.row(b, first, h),
                     out.time_stride, Store::assign);
    });
}

// With p the softmax: dv = p^T dout, dp = dout v^T, ds = p (dp - dout.out), dq = ds k, dk = ds^T q.
inline void attention_gradient_on(Cpu& device, Heads<const float> q, Heads<const float> k, Heads<const float> v,
                                  const AttentionRule& rule, Heads<const float> out, ConstView<float, 3> log_sum,
                                  Heads<const float> dout, Heads<float> dq, Heads<float> dk, Heads<float> dv) {
    using namespace simd;
    const Index group = q.heads / k.heads;
    const Lanes scale = splat(static_cast<float>(rule.scale));
    // A task is a key-value head: it alone writes its dk and dv, over its queries in order.
    device.run(k.batch * k.heads, [&](Index task, Arena& arena) {
        const Index b = task / k.heads, kv_head = task % k.heads;
        for (Index t = 0; t < k.time; ++t) {
            std::fill_n(dk.row(b, t, kv_head), k.size, 0.0F);
            std::fill_n(dv.row(b, t, kv_head), k.size, 0.0F);
        }
        for (Index h = kv_head * group; h < (kv_head + 1) * group; ++h) {
            const cpu::Scoring score(rule, h, q.heads);
            for (Index first = 0; first < q.time; first += attention_strip) {
                const cpu::Strip strip = cpu::strip_from(b, first, q.time, k.time, rule);
                ScratchScope scope(arena);
                float* p = arena.allocate<float, 1>({strip.rows * strip.keys}).data;
                float* ds = arena.allocate<float, 1>({strip.rows * strip.keys}).data;
                cpu::strip_scores(arena, q, k, h, kv_head, strip, p);
                cpu::strip_scores(arena, dout, v, h, kv_head, strip, ds);
                for (Index i = 0; i < strip.rows; ++i) {
                    float* weights = p + i * strip.keys;
                    float* row = ds + i * strip.keys;
                    const Index begin = strip.begin(i, rule), end = strip.end(i);
                    const float* a = dout.row(b, strip.first + i, h);
                    const float* o = out.row(b, strip.first + i, h);
                    Lanes products = splat(0);
                    for_lanes(q.size, [&](Index c, Index count) {
                        products = fma(load16(a + c, count), load16(o + c, count), products);
                    });
                    const Lanes shift = splat(simd::sum(products));
                    const Lanes total = splat(log_sum.at(b).at(h)[strip.first + i]);
                    for_lanes(end, [&](Index j, Index count) {
                        const Lanes w = simd::exp(score(load16(weights + j, count), end - 1 - j) - total);
                        store16(weights + j, w, count);
                        store16(row + j, w * (load16(row + j, count) - shift) * scale, count);
                    });
                    for (float* values : {weights, row}) {
                        std::fill(values, values + begin, 0.0F);
                        std::fill(values + end, values + strip.keys, 0.0F);
                    }
                }
                cpu::product(arena, strip.rows, k.size, strip.keys, strip.keys, {ds, strip.keys, 1},
                             cpu::head_operand(k, b, strip.first_key, kv_head, true), dq.row(b, strip.first, h),
                             dq.time_stride, Store::assign);
                cpu::product(arena, strip.keys, k.size, strip.rows, strip.rows, {ds, 1, strip.keys},
                             cpu::head_operand(q, b, strip.first, h, true), dk.row(b, strip.first_key, kv_head),
                             dk.time_stride, Store::add);
                cpu::product(arena, strip.keys, v.size, strip.rows, strip.rows, {p, 1, strip.keys},
                             cpu::head_operand(dout, b, strip.first, h, true), dv.row(b, strip.first_key, kv_head),
                             dv.time_stride, Store::add);
            }
        }
    });
}

}  // namespace lapidary
