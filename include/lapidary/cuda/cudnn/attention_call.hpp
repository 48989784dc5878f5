#pragma once

#include <lapidary/core/bf16.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/ops/attention.hpp>

#include <compare>
#include <cstdint>

namespace lapidary {

/// The arguments of `attention`, on a GPU.
struct CudnnForward {
    Heads<const bf16> q, k, v;
    AttentionRule rule;
    Heads<bf16> out;
    View<float, 3> log_sum;
};
/// Those of `attention_gradient`.
struct CudnnGradient {
    Heads<const bf16> q, k, v;
    AttentionRule rule;
    Heads<const bf16> out;
    View<const float, 3> log_sum;
    Heads<const bf16> dout;
    Heads<bf16> dq, dk, dv;
};

/// One sequence of an attention.
inline CudnnForward cudnn_sequence(const CudnnForward& call, Index b) {
    return {call.q.sequence(b), call.k.sequence(b),   call.v.sequence(b),
            call.rule,          call.out.sequence(b), call.log_sum.slice(b, 1)};
}
inline CudnnGradient cudnn_sequence(const CudnnGradient& call, Index b) {
    return {call.q.sequence(b),   call.k.sequence(b),       call.v.sequence(b),    call.rule,
            call.out.sequence(b), call.log_sum.slice(b, 1), call.dout.sequence(b), call.dq.sequence(b),
            call.dk.sequence(b),  call.dv.sequence(b)};
}

/// Extents of one causal attention, and where each tensor lies: strides over batch, time and heads, in elements;
/// a head's elements follow each other. Plans are made for one of these.
struct CudnnAttentionShape {
    Index batch = 0, time = 0, heads = 0, key_heads = 0, size = 0;
    Shape<3> q{}, k{}, v{}, out{};
    Shape<3> dout{}, dq{}, dk{}, dv{};  ///< for the gradient only

    auto operator<=>(const CudnnAttentionShape&) const = default;
    [[nodiscard]] bool grouped() const { return heads != key_heads; }
};

namespace detail {

inline Shape<3> cudnn_strides(const Heads<const bf16>& x) {
    return {x.batch_stride, x.time_stride, x.head_stride};
}
inline bool aligned_for_cudnn(const Heads<const bf16>& x) {
    return reinterpret_cast<std::uintptr_t>(x.data) % 16 == 0 && x.batch_stride % 8 == 0 &&
           x.time_stride % 8 == 0 && x.head_stride % 8 == 0;
}

}  // namespace detail

/// The shape of a CudnnForward or a CudnnGradient.
template <class Call>
CudnnAttentionShape cudnn_shape(const Call& call) {
    CudnnAttentionShape shape{call.q.batch, call.q.time, call.q.heads, call.k.heads, call.q.size};
    shape.q = detail::cudnn_strides(call.q);
    shape.k = detail::cudnn_strides(call.k);
    shape.v = detail::cudnn_strides(call.v);
    shape.out = detail::cudnn_strides(call.out);
    if constexpr (requires { call.dout; }) {
        shape.dout = detail::cudnn_strides(call.dout);
        shape.dq = detail::cudnn_strides(call.dq);
        shape.dk = detail::cudnn_strides(call.dk);
        shape.dv = detail::cudnn_strides(call.dv);
    }
    return shape;
}

/// Whether the graphs are for this kind of attention: no window, no slopes, one document, as many keys as queries
/// and more than one, heads of 8 to 128 elements by eights, everything aligned to 16 bytes.
template <class Call>
bool cudnn_supports(const Call& call) {
    using detail::aligned_for_cudnn;
    if constexpr (requires { call.dout; }) {
        const bool aligned = aligned_for_cudnn(call.dout) && aligned_for_cudnn(call.dq) &&
                             aligned_for_cudnn(call.dk) && aligned_for_cudnn(call.dv);
        if (!aligned) return false;
    }
    const AttentionRule& rule = call.rule;
    return aligned_for_cudnn(call.q) && aligned_for_cudnn(call.k) && aligned_for_cudnn(call.v) &&
           aligned_for_cudnn(call.out) && (rule.window == 0 || rule.window >= call.k.time) &&
           rule.alibi_bias_max == 0 && rule.starts.empty() && call.q.time == call.k.time && call.q.time > 1 &&
           call.q.batch > 0 && call.q.heads > 0 && call.q.size > 0 && call.q.size <= 128 && call.q.size % 8 == 0;
}

}  // namespace lapidary
