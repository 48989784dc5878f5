#pragma once

#include <lapidary/cuda/attention_gradient_float.cuh>
#include <lapidary/cuda/attention_keys.cuh>
#include <lapidary/cuda/attention_queries.cuh>
#include <lapidary/cuda/cudnn/attention_call.hpp>
#include <lapidary/cuda/ops.hpp>

namespace lapidary {

namespace kernels {

/// delta[b, h, t] = dout.out.
template <class G, class T>
void launch_attention_delta(G& gpu, const Heads<const T>& out, const Heads<const T>& dout, float* delta) {
    const HeadRows<const T> left = head_rows(out), right = head_rows(dout);
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = AttentionDelta<T, N>;
        const Index count = out.batch * out.time * out.heads;
        gpu.launch(LaunchShape{.x = (count + Kernel::rows - 1) / Kernel::rows, .threads = Kernel::threads},
                   Kernel{.out = left,
                          .dout = right,
                          .delta = delta,
                          .count = count,
                          .time = static_cast<int>(out.time),
                          .heads = static_cast<int>(out.heads),
                          .size = static_cast<int>(out.size)});
    };
    if (left.packed && right.packed) {
        run(std::integral_constant<int, pack_size<T>>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

/// One half of the gradient: a block for each tile of a head's positions.
template <class G, class T, class Kernel>
void launch_attention_gradient(G& gpu, const Heads<const T>& own, const Kernel& kernel) {
    gpu.launch(LaunchShape{.x = (own.time + Kernel::rows - 1) / Kernel::rows,
                           .y = own.heads,
                           .z = own.batch,
                           .threads = Kernel::threads,
                           .shared = Kernel::shared},
               kernel);
}

}  // namespace kernels

template <Gpu G>
void attention_gradient_on(G& gpu, Heads<const Scalar<G>> q, Heads<const Scalar<G>> k, Heads<const Scalar<G>> v,
                           const AttentionRule& rule, Heads<const Scalar<G>> out,
                           ConstView<Accumulator<G>, 3> log_sum, Heads<const Scalar<G>> dout, Heads<Scalar<G>> dq,
                           Heads<Scalar<G>> dk, Heads<Scalar<G>> dv) {
    using T = Scalar<G>;
    constexpr bool narrow = std::is_same_v<T, bf16>;
    if constexpr (narrow && requires(const CudnnGradient& call) { gpu.compute_by_cudnn(call); }) {
        if (gpu.compute_by_cudnn(CudnnGradient{q, k, v, rule, out, log_sum, dout, dq, dk, dv})) return;
    }
    ScratchScope scope(gpu.scratch());
    const auto delta = accumulator_scratch(gpu, log_sum.shape);
    const auto inputs = [&]<class Rule>(const Rule& scoring) {
        return kernels::GradientInputs<T, Rule>{.q = kernels::head_rows(q),
                                                .k = kernels::head_rows(k),
                                                .v = kernels::head_rows(v),
                                                .dout = kernels::head_rows(dout),
                                                .log_sum = log_sum.data,
                                                .delta = delta.data,
                                                .scoring = scoring,
                                                .time = static_cast<int>(q.time),
                                                .heads = static_cast<int>(q.heads),
                                                .group = static_cast<int>(q.heads / k.heads),
                                                .size = static_cast<int>(q.size)};
    };
    const auto with_rule = [&](auto&& then) {
        kernels::with_scoring(rule, k.time, q.heads, narrow ? kernels::log2_e : 1.0F, then);
    };
    const auto run = [&](auto for_queries, auto for_keys) {
        kernels::launch_attention_delta(gpu, out, dout, delta.data);
        kernels::launch_attention_gradient(gpu, k, for_keys);
        kernels::launch_attention_gradient(gpu, q, for_queries);
    };
    const auto to_q = kernels::head_rows(dq), to_k = kernels::head_rows(dk), to_v = kernels::head_rows(dv);
    if constexpr (narrow) {
        kernels::with_head_size<16, 32, 64, 80, 96, 128, 256>(q.size, [&]<int S>(std::integral_constant<int, S>) {
            with_rule([&]<class Rule>(const Rule& scoring) {
                run(kernels::AttentionQueryGradient<S, (S <= 128 ? 2 : 1), 32, Rule>{inputs(scoring), to_q},
                    kernels::AttentionKeyGradient<S, (S <= 64 ? 64 : 32), (S <= 128 ? 1 : 2), Rule>{
                        inputs(scoring), to_k, to_v});
            });
        });
    } else {
        kernels::with_head_size<32, 64, 128, 256>(q.size, [&]<int S>(std::integral_constant<int, S>) {
            with_rule([&]<class Rule>(const Rule& scoring) {
                run(kernels::AttentionQueryGradientFloat<S, Rule>{inputs(scoring), to_q},
                    kernels::AttentionKeyGradientFloat<S, Rule>{inputs(scoring), to_k, to_v});
            });
        });
    }
}

}  // namespace lapidary
