#pragma once

#include <lapidary/ops/attention.hpp>
#include <lapidary/reference/device.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace lapidary {

namespace detail {

inline double dot(const double* a, const double* b, Index count) {
    double total = 0;
    for (Index i = 0; i < count; ++i) total += a[i] * b[i];
    return total;
}

}  // namespace detail

inline void attention_on(Reference&, Heads<const double> q, Heads<const double> k, Heads<const double> v,
                         const AttentionRule& rule, Heads<double> out, View<double, 3> log_sum) {
    const Index group = q.heads / k.heads;
    const Index past = k.time - q.time;
    std::vector<double> p(static_cast<std::size_t>(k.time));
    for (Index b = 0; b < q.batch; ++b) {
        for (Index h = 0; h < q.heads; ++h) {
            for (Index i = 0; i < q.time; ++i) {
                const Index visible = past + i + 1, start = rule.first_key(b, i, past + i);
                double largest = -INFINITY;
                for (Index j = start; j < visible; ++j) {
                    double& score = p[static_cast<std::size_t>(j)];
                    score = detail::dot(q.row(b, i, h), k.row(b, j, h / group), q.size) * rule.scale -
                            rule.alibi_slope(h, q.heads) * static_cast<double>(past + i - j);
                    largest = std::max(largest, score);
                }
                double total = 0;
                for (Index j = start; j < visible; ++j)
                    total += std::exp(p[static_cast<std::size_t>(j)] - largest);
                log_sum.at(b).at(h)[i] = largest + std::log(total);
                double* row = out.row(b, i, h);
                std::fill(row, row + q.size, 0.0);
                for (Index j = start; j < visible; ++j) {
                    const double weight = std::exp(p[static_cast<std::size_t>(j)] - log_sum.at(b).at(h)[i]);
                    for (Index c = 0; c < q.size; ++c) row[c] += weight * v.row(b, j, h / group)[c];
                }
            }
        }
    }
}

// With p the softmax: dv = p^T dout, dp = dout v^T, ds = p (dp - sum_j p dp) = p (dp - dout.out), dq = ds k, dk =
// ds^T q.
inline void attention_gradient_on(Reference&, Heads<const double> q, Heads<const double> k, Heads<const double> v,
                                  const AttentionRule& rule, Heads<const double> out, ConstView<double, 3> log_sum,
                                  Heads<const double> dout, Heads<double> dq, Heads<double> dk, Heads<double> dv) {
    const Index group = q.heads / k.heads;
    for (Index b = 0; b < q.batch; ++b) {
        for (Index t = 0; t < q.time; ++t) {
            for (Index h = 0; h < q.heads; ++h) std::fill_n(dq.row(b, t, h), q.size, 0.0);
            for (Index h = 0; h < k.heads; ++h) std::fill_n(dk.row(b, t, h), k.size, 0.0);
            for (Index h = 0; h < k.heads; ++h) std::fill_n(dv.row(b, t, h), k.size, 0.0);
        }
        for (Index h = 0; h < q.heads; ++h) {
            for (Index i = 0; i < q.time; ++i) {
                const double shift = detail::dot(dout.row(b, i, h), out.row(b, i, h), q.size);
                for (Index j = rule.first_key(b, i, i); j <= i; ++j) {
                    const double score = detail::dot(q.row(b, i, h), k.row(b, j, h / group), q.size) * rule.scale -
                                         rule.alibi_slope(h, q.heads) * static_cast<double>(i - j);
                    const double p = std::exp(score - log_sum.at(b).at(h)[i]);
                    const double dp = detail::dot(dout.row(b, i, h), v.row(b, j, h / group), q.size);
                    const double ds = p * (dp - shift) * rule.scale;
                    for (Index c = 0; c < q.size; ++c) {
                        dv.row(b, j, h / group)[c] += p * dout.row(b, i, h)[c];
                        dq.row(b, i, h)[c] += ds * k.row(b, j, h / group)[c];
                        dk.row(b, j, h / group)[c] += ds * q.row(b, i, h)[c];
                    }
                }
            }
        }
    }
}

}  // namespace lapidary
