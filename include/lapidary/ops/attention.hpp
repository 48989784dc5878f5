#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>
#include <lapidary/ops/heads.hpp>
#include <lapidary/ops/positions.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace lapidary {

/// What attention computes besides its inputs' shapes.
struct AttentionRule {
    /// Scores are q.k * scale. The published models use 1 / sqrt(D), which must be said: the default scales
    /// nothing.
    double scale = 1.0;
    /// Positions that a query sees, the last of them its own (key j of query i with i - j < window); 0: all before
    /// it.
    Index window = 0;
    /// Attention with linear biases: a score is lowered by alibi_slope * (i - j); 0: not. Source: Press et al.,
    /// "Train short, test long", 2021.
    double alibi_bias_max = 0.0;
    /// No query sees a key before its document's first, on the device, [B, Tq], counted in keys; empty: no limit.
    DocumentStarts starts{};

    /// The first key that the query at `position` sees.
    [[nodiscard]] Index first_key(Index position) const {
        return window > 0 && position >= window ? position - window + 1 : 0;
    }
    /// The same of query `i` of sequence b, which sits at `position`, in its document. For devices whose memory is
    /// the host's.
    [[nodiscard]] Index first_key(Index b, Index i, Index position) const {
        return starts.empty() ? first_key(position) : std::max(first_key(position), Index{starts.at(b)[i]});
    }
    /// What a position of distance costs query head `head` of `heads`: 2^(-bias_max (k + 1) / P) with P the power
    /// of two that is not below `heads`. k counts the heads; where heads < P it takes the odd numbers first, then
    /// the even ones. Source: MPT's modeling_mpt.py, for which bias_max is 8 or 16.
    [[nodiscard]] double alibi_slope(Index head, Index heads) const {
        if (alibi_bias_max == 0) return 0;
        const auto power = static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(heads)));
        const Index k = heads == power ? head : head < power / 2 ? 2 * head + 1 : 2 * (head - power / 2);
        return std::exp2(-alibi_bias_max * static_cast<double>(k + 1) / static_cast<double>(power));
    }
};

/// Query rows that share one strip of scores: a strip is [attention_strip, T], so the T x T matrix never exists.
inline constexpr Index attention_strip = 64;

namespace detail {

template <class T, class U>
void require_attention_shapes(const char* operation, const Heads<T>& q, const Heads<U>& k, const Heads<U>& v,
                              const AttentionRule& rule) {
    require_shape(q.batch == k.batch && q.size == k.size && k.shape() == v.shape() && k.heads > 0 &&
                      q.heads % k.heads == 0 && q.time <= k.time,
                  operation, [&] {
                      return "q is " + to_string(q.shape()) + ", k is " + to_string(k.shape()) + ", v is " +
                             to_string(v.shape());
                  });
    require_shape(rule.starts.empty() || rule.starts.shape == Shape<2>{q.batch, q.time}, operation, [&] {
        return "q is " + to_string(q.shape()) + ", the starts of documents are " + extents(rule.starts);
    });
}

}  // namespace detail

/// Causal softmax attention: out = softmax(q k^T * scale) v, where the last query sees all keys, or those that the
/// rule lets it see, and scores may be lowered by distance.
///
/// q: [B, Tq, H, D]; k, v: [B, Tk, K, D] with Tq <= Tk and K > 0 dividing H (grouped queries: head h reads
/// key-value head h / (H/K)); query i sits at position Tk - Tq + i. out: [B, Tq, H, D]; log_sum: [B, H, Tq]
/// receives the logarithm of each row's sum of exponentials, which the gradient needs. Source: Vaswani et al.,
/// 2017; the saved logarithm as in Dao et al., "FlashAttention", 2022.
template <Device D>
void attention(D& device, Heads<const Scalar<D>> q, Heads<const Scalar<D>> k, Heads<const Scalar<D>> v,
               const AttentionRule& rule, Heads<Scalar<D>> out, View<Accumulator<D>, 3> log_sum) {
    detail::require_attention_shapes("attention", q, k, v, rule);
    detail::require_shape(out.shape() == q.shape() && log_sum.shape == Shape<3>{q.batch, q.heads, q.time},
                          "attention", [&] {
                              return "q is " + to_string(q.shape()) + ", out is " + to_string(out.shape()) +
                                     ", log_sum is " + detail::extents(log_sum);
                          });
    attention_on(device, q, k, v, rule, out, log_sum);
}

/// The gradient of `attention`; overwrites dq, dk and dv. Scores are computed again, strip by strip.
///
/// Shapes as in `attention`, with Tq = Tk. Sums over queries (dk, dv) run over the heads of a group in order and
/// over strips of `attention_strip` queries in order.
template <Device D>
void attention_gradient(D& device, Heads<const Scalar<D>> q, Heads<const Scalar<D>> k, Heads<const Scalar<D>> v,
                        const AttentionRule& rule, Heads<const Scalar<D>> out,
                        ConstView<Accumulator<D>, 3> log_sum, Heads<const Scalar<D>> dout, Heads<Scalar<D>> dq,
                        Heads<Scalar<D>> dk, Heads<Scalar<D>> dv) {
    detail::require_attention_shapes("attention_gradient", q, k, v, rule);
    detail::require_shape(q.time == k.time && out.shape() == q.shape() && dout.shape() == q.shape() &&
                              dq.shape() == q.shape() && dk.shape() == k.shape() && dv.shape() == v.shape() &&
                              log_sum.shape == Shape<3>{q.batch, q.heads, q.time},
                          "attention_gradient", [&] {
                              return "q is " + to_string(q.shape()) + ", k is " + to_string(k.shape()) +
                                     ", dout is " + to_string(dout.shape()) + ", dk is " + to_string(dk.shape());
                          });
    attention_gradient_on(device, q, k, v, rule, out, log_sum, dout, dq, dk, dv);
}

}  // namespace lapidary
