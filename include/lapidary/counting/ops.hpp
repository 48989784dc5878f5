#pragma once

#include <lapidary/counting/device.hpp>
#include <lapidary/ops/ops.hpp>

// Operations that cost little beside products and attention count as nothing.

namespace lapidary {

namespace detail {

inline double product_operations(Index rows, Index columns, Index depth) {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(depth);
}

/// Of the forward pass: scores and mixtures, two products over the positions that each query sees.
inline double attention_operations(const Heads<const float>& q, Index keys, const AttentionRule& rule) {
    double pairs = 0;
    for (Index position = keys - q.time; position < keys; ++position) {
        pairs += static_cast<double>(position + 1 - rule.first_key(position));
    }
    return 4 * pairs * static_cast<double>(q.batch * q.heads * q.size);
}

}  // namespace detail

inline void matmul_on(Counting& device, ConstView<float, 2> x, ConstView<float, 2>, View<float, 2> y, Store) {
    device.count().products += detail::product_operations(y.extent(0), y.extent(1), x.extent(1));
}
inline void matmul_input_gradient_on(Counting& device, ConstView<float, 2> dy, ConstView<float, 2>,
                                     View<float, 2> dx, Store) {
    device.count().products += detail::product_operations(dx.extent(0), dx.extent(1), dy.extent(1));
}
inline void matmul_weight_gradient_on(Counting& device, ConstView<float, 3> dy, ConstView<float, 3>,
                                      View<float, 2> dw) {
    device.count().products += detail::product_operations(dw.extent(0), dw.extent(1), dy.rows().extent(0));
}
inline void attention_on(Counting& device, Heads<const float> q, Heads<const float> k, Heads<const float>,
                         const AttentionRule& rule, Heads<float>, View<float, 3>) {
    device.count().attention += detail::attention_operations(q, k.time, rule);
}
inline void attention_gradient_on(Counting& device, Heads<const float> q, Heads<const float> k, Heads<const float>,
                                  const AttentionRule& rule, Heads<const float>, ConstView<float, 3>,
                                  Heads<const float>, Heads<float>, Heads<float>, Heads<float>) {
    device.count().attention += 2 * detail::attention_operations(q, k.time, rule);
}

inline void fill_on(Counting&, View<float, 1>, float) {}
inline void copy_on(Counting&, ConstView<float, 1>, View<float, 1>) {}
inline void copy_heads_on(Counting&, Heads<const float>, Heads<float>) {}
inline void add_on(Counting&, ConstView<float, 1>, ConstView<float, 1>, View<float, 1>) {}
inline void scale_on(Counting&, View<float, 1>, float) {}
template <class From, class To>
void cast_on(Counting&, View<const From, 1>, View<To, 1>) {}
inline void add_bias_on(Counting&, ConstView<float, 1>, View<float, 2>) {}
inline void bias_gradient_on(Counting&, ConstView<float, 3>, View<float, 1>) {}
inline void clamp_on(Counting&, View<float, 1>, float) {}
inline void clamp_gradient_on(Counting&, ConstView<float, 1>, float, View<float, 1>) {}
inline void cross_entropy_on(Counting&, ConstView<float, 2>, ConstView<std::int32_t, 1>, View<float, 1>) {}
inline void cross_entropy_gradient_on(Counting&, View<float, 2>, ConstView<std::int32_t, 1>, View<float, 1>,
                                      double) {}
inline void embedding_on(Counting&, ConstView<float, 2>, ConstView<std::int32_t, 1>, View<float, 2>) {}
inline void embedding_gradient_on(Counting&, ConstView<std::int32_t, 1>, ConstView<float, 2>, View<float, 2>,
                                  Index) {}
inline void gelu_on(Counting&, ConstView<float, 1>, Gelu, View<float, 1>) {}
inline void gelu_gradient_on(Counting&, ConstView<float, 1>, Gelu, ConstView<float, 1>, View<float, 1>) {}
inline void layer_norm_on(Counting&, ConstView<float, 2>, ConstView<float, 1>, ConstView<float, 1>, double,
                          View<float, 2>, RowStatistics<float>) {}
inline void layer_norm_gradient_on(Counting&, ConstView<float, 3>, ConstView<float, 1>, RowStatistics<float>,
                                   ConstView<float, 3>, View<float, 3>, View<float, 1>, View<float, 1>) {}
inline void rms_norm_on(Counting&, ConstView<float, 2>, ConstView<float, 1>, double, View<float, 2>,
                        View<float, 1>) {}
inline void rms_norm_gradient_on(Counting&, ConstView<float, 3>, ConstView<float, 1>, ConstView<float, 1>,
                                 ConstView<float, 3>, View<float, 3>, View<float, 1>) {}
inline void rotary_on(Counting&, Heads<float>, Index, const Rotation&) {}
inline void swiglu_on(Counting&, ConstView<float, 2>, View<float, 2>) {}
inline void swiglu_gradient_on(Counting&, ConstView<float, 2>, ConstView<float, 2>, View<float, 2>) {}
inline void adamw_on(Counting&, View<float, 1>, ConstView<float, 1>, View<float, 1>, View<float, 1>,
                     const AdamWUpdate&) {}
inline double sum_on(Counting&, ConstView<float, 1>) { return 0; }
inline void squares_by_block_on(Counting&, ConstView<float, 1>, std::span<double>) {}

}  // namespace lapidary
