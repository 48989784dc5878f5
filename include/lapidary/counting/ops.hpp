#pragma once

#include <lapidary/counting/device.hpp>
#include <lapidary/ops/ops.hpp>

#include <type_traits>

// Operations that cost little beside products and attention count as nothing.

namespace lapidary {

namespace detail {

inline double product_operations(Index rows, Index columns, Index depth) {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(depth);
}

/// Of the forward pass: scores and mixtures, two products over the positions that each query sees in a window that
/// is one document. Where others begin is in memory that nobody wrote: packed documents cost at most as much.
template <class T>
double attention_operations(const Heads<const T>& q, Index keys, const AttentionRule& rule) {
    double pairs = 0;
    for (Index position = keys - q.time; position < keys; ++position) {
        pairs += static_cast<double>(position + 1 - rule.first_key(position));
    }
    return 4 * pairs * static_cast<double>(q.batch * q.heads * q.size);
}

}  // namespace detail

template <class T>
void matmul_on(BasicCounting<T>& device, ConstView<T, 2> x, ConstView<T, 2>, View<T, 2> y, Store) {
    device.count().products += detail::product_operations(y.extent(0), y.extent(1), x.extent(1));
}
template <class T>
void matmul_input_gradient_on(BasicCounting<T>& device, ConstView<T, 2> dy, ConstView<T, 2>, View<T, 2> dx,
                              Store) {
    device.count().products += detail::product_operations(dx.extent(0), dx.extent(1), dy.extent(1));
}
template <class T>
void matmul_weight_gradient_on(BasicCounting<T>& device, ConstView<T, 3> dy, ConstView<T, 3>,
                               View<Wide<T>, 2> dw) {
    device.count().products += detail::product_operations(dw.extent(0), dw.extent(1), dy.rows().extent(0));
}
template <class T>
void attention_on(BasicCounting<T>& device, Heads<const T> q, Heads<const T> k, Heads<const T>,
                  const AttentionRule& rule, Heads<T>, View<Wide<T>, 3>) {
    device.count().attention += detail::attention_operations(q, k.time, rule);
}
template <class T>
void attention_gradient_on(BasicCounting<T>& device, Heads<const T> q, Heads<const T> k, Heads<const T>,
                           const AttentionRule& rule, Heads<const T>, ConstView<Wide<T>, 3>, Heads<const T>,
                           Heads<T>, Heads<T>, Heads<T>) {
    device.count().attention += 2 * detail::attention_operations(q, k.time, rule);
}

template <class T, class U>
void fill_on(BasicCounting<T>&, View<U, 1>, U) {}
template <class T, class U>
void copy_on(BasicCounting<T>&, ConstView<U, 1>, View<U, 1>) {}
template <class T>
void copy_heads_on(BasicCounting<T>&, Heads<const T>, Heads<T>) {}
template <class T, class U>
void add_on(BasicCounting<T>&, ConstView<U, 1>, ConstView<U, 1>, View<U, 1>) {}
template <class T>
void scale_on(BasicCounting<T>&, View<T, 1>, T) {}
template <class T, class From, class To>
void cast_on(BasicCounting<T>&, View<const From, 1>, View<To, 1>) {}
template <class T>
void add_bias_on(BasicCounting<T>&, ConstView<T, 1>, View<T, 2>) {}
template <class T>
void bias_gradient_on(BasicCounting<T>&, ConstView<T, 3>, View<Wide<T>, 1>) {}
template <class T>
void clamp_on(BasicCounting<T>&, View<T, 1>, T) {}
template <class T>
void clamp_gradient_on(BasicCounting<T>&, ConstView<T, 1>, T, View<T, 1>) {}
template <class T>
void cross_entropy_on(BasicCounting<T>&, ConstView<T, 2>, ConstView<std::int32_t, 1>, View<Wide<T>, 1>) {}
template <class T>
void cross_entropy_gradient_on(BasicCounting<T>&, View<T, 2>, ConstView<std::int32_t, 1>, View<Wide<T>, 1>,
                               double) {}
template <class T, class U>
void spread_blocks_on(BasicCounting<T>&, ConstView<U, 2>, std::span<const Range>, View<U, 2>) {}
template <class T, class U>
void pick_blocks_on(BasicCounting<T>&, ConstView<U, 2>, std::span<const Range>, View<U, 2>) {}
template <class T>
void embedding_on(BasicCounting<T>&, ConstView<T, 2>, ConstView<std::int32_t, 1>, View<T, 2>) {}
template <class T>
void embedding_gradient_on(BasicCounting<T>&, ConstView<std::int32_t, 1>, ConstView<T, 2>, View<Wide<T>, 2>,
                           Index) {}
template <class T>
void gelu_on(BasicCounting<T>&, ConstView<T, 1>, Gelu, View<T, 1>) {}
template <class T>
void gelu_gradient_on(BasicCounting<T>&, ConstView<T, 1>, Gelu, ConstView<T, 1>, View<T, 1>) {}
template <class T>
void layer_norm_on(BasicCounting<T>&, ConstView<T, 2>, ConstView<T, 1>, ConstView<T, 1>, double, View<T, 2>,
                   RowStatistics<Wide<T>>) {}
template <class T>
void layer_norm_gradient_on(BasicCounting<T>&, ConstView<T, 3>, ConstView<T, 1>, RowStatistics<Wide<T>>,
                            ConstView<T, 3>, View<T, 3>, View<Wide<T>, 1>, View<Wide<T>, 1>) {}
template <class T>
void rms_norm_on(BasicCounting<T>&, ConstView<T, 2>, ConstView<T, 1>, double, View<T, 2>, View<Wide<T>, 1>) {}
template <class T>
void rms_norm_gradient_on(BasicCounting<T>&, ConstView<T, 3>, ConstView<T, 1>, ConstView<Wide<T>, 1>,
                          ConstView<T, 3>, View<T, 3>, View<Wide<T>, 1>) {}
template <class T>
void rotary_on(BasicCounting<T>&, Heads<T>, const Positions&, const Rotation&) {}
template <class T>
void swiglu_on(BasicCounting<T>&, ConstView<T, 2>, View<T, 2>) {}
template <class T>
void swiglu_gradient_on(BasicCounting<T>&, ConstView<T, 2>, ConstView<T, 2>, View<T, 2>) {}
template <class T>
void adamw_on(BasicCounting<T>&, std::type_identity_t<MasterWeights<T>>, ConstView<Wide<T>, 1>, View<Wide<T>, 1>,
              View<Wide<T>, 1>, const AdamWUpdate&) {}
template <class T>
void rmsprop_on(BasicCounting<T>&, std::type_identity_t<MasterWeights<T>>, ConstView<Wide<T>, 1>, View<Wide<T>, 1>,
                const RmsPropUpdate&) {}
template <class T>
double sum_on(BasicCounting<T>&, ConstView<Wide<T>, 1>) {
    return 0;
}
template <class T>
void squares_by_block_on(BasicCounting<T>&, ConstView<Wide<T>, 1>, std::span<double>) {}
template <class T, class Elements>
void digests_on(BasicCounting<T>&, const Elements&, Index, std::span<const Index>, std::span<std::uint64_t>) {}

}  // namespace lapidary
