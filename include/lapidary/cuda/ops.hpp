#pragma once

#include <lapidary/cuda/gpu.hpp>
#include <lapidary/ops/ops.hpp>

#include <span>
#include <vector>

// The operations on a GPU. They are defined in the .cuh beside this file, which nvcc compiles into one object of
// the program (`lapidary_add_kernels` in CMake); everything else sees these declarations.
//
// Every sum has one fixed order: results depend on shapes and on the GPU's model, never on timing. Elements are
// computed in float and rounded once.

namespace lapidary {

// elementwise.cuh; T: the device's element type or its accumulators'
template <Gpu G, class T>
void fill_on(G& gpu, View<T, 1> x, T value);
template <Gpu G, class T>
void copy_on(G& gpu, ConstView<T, 1> x, View<T, 1> y);
template <Gpu G, class T>
void add_on(G& gpu, ConstView<T, 1> x, ConstView<T, 1> y, View<T, 1> out);
template <Gpu G>
void scale_on(G& gpu, View<Scalar<G>, 1> x, Scalar<G> factor);
template <Gpu G, class From, class To>
void cast_on(G& gpu, View<const From, 1> x, View<To, 1> y);
template <Gpu G>
void clamp_on(G& gpu, View<Scalar<G>, 1> x, Scalar<G> limit);
template <Gpu G>
void clamp_gradient_on(G& gpu, ConstView<Scalar<G>, 1> y, Scalar<G> limit, View<Scalar<G>, 1> d);
template <Gpu G>
void copy_heads_on(G& gpu, Heads<const Scalar<G>> x, Heads<Scalar<G>> y);

// bias.cuh
template <Gpu G>
void add_bias_on(G& gpu, ConstView<Scalar<G>, 1> bias, View<Scalar<G>, 2> y);
template <Gpu G>
void bias_gradient_on(G& gpu, ConstView<Scalar<G>, 3> dy, View<Accumulator<G>, 1> dbias);

// block_rows.cuh; T as of elementwise.cuh
template <Gpu G, class T>
void spread_blocks_on(G& gpu, ConstView<T, 2> compact, std::span<const Range> parts, View<T, 2> full);
template <Gpu G, class T>
void pick_blocks_on(G& gpu, ConstView<T, 2> full, std::span<const Range> parts, View<T, 2> compact);

// matmul.cuh
template <Gpu G>
void matmul_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 2> w, View<Scalar<G>, 2> y, Store store);
template <Gpu G>
void matmul_add_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 2> w, ConstView<Scalar<G>, 2> addend,
                   View<Scalar<G>, 2> y);
template <Gpu G>
void matmul_input_gradient_on(G& gpu, ConstView<Scalar<G>, 2> dy, ConstView<Scalar<G>, 2> w, View<Scalar<G>, 2> dx,
                              Store store);
template <Gpu G>
void matmul_weight_gradient_on(G& gpu, ConstView<Scalar<G>, 3> dy, ConstView<Scalar<G>, 3> x,
                               View<Accumulator<G>, 2> dw);

// embedding.cuh
template <Gpu G>
void embedding_on(G& gpu, ConstView<Scalar<G>, 2> table, ConstView<std::int32_t, 1> ids, View<Scalar<G>, 2> out);
template <Gpu G>
void embedding_gradient_on(G& gpu, ConstView<std::int32_t, 1> ids, ConstView<Scalar<G>, 2> dout,
                           View<Accumulator<G>, 2> dtable, Index frozen_row);

// rms_norm.cuh
template <Gpu G>
void rms_norm_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 1> gain, double epsilon,
                 View<Scalar<G>, 2> y, View<Accumulator<G>, 1> inverse_rms);
template <Gpu G>
void rms_norm_gradient_on(G& gpu, ConstView<Scalar<G>, 3> x, ConstView<Scalar<G>, 1> gain,
                          ConstView<Accumulator<G>, 1> inverse_rms, ConstView<Scalar<G>, 3> dy,
                          View<Scalar<G>, 3> dx, View<Accumulator<G>, 1> dgain);

// layer_norm.cuh
template <Gpu G>
void layer_norm_on(G& gpu, ConstView<Scalar<G>, 2> x, ConstView<Scalar<G>, 1> gain, ConstView<Scalar<G>, 1> bias,
                   double epsilon, View<Scalar<G>, 2> y, RowStatistics<Accumulator<G>> rows);
template <Gpu G>
void layer_norm_gradient_on(G& gpu, ConstView<Scalar<G>, 3> x, ConstView<Scalar<G>, 1> gain,
                            RowStatistics<Accumulator<G>> rows, ConstView<Scalar<G>, 3> dy, View<Scalar<G>, 3> dx,
                            View<Accumulator<G>, 1> dgain, View<Accumulator<G>, 1> dbias);

// activations.cuh
template <Gpu G>
void gelu_on(G& gpu, ConstView<Scalar<G>, 1> x, Gelu form, View<Scalar<G>, 1> y);
template <Gpu G>
void gelu_gradient_on(G& gpu, ConstView<Scalar<G>, 1> x, Gelu form, ConstView<Scalar<G>, 1> dy,
                      View<Scalar<G>, 1> dx);
template <Gpu G>
void swiglu_on(G& gpu, ConstView<Scalar<G>, 2> gate_up, View<Scalar<G>, 2> out);
template <Gpu G>
void swiglu_gradient_on(G& gpu, ConstView<Scalar<G>, 2> gate_up, ConstView<Scalar<G>, 2> dout,
                        View<Scalar<G>, 2> dgate_up);

// rotary.cuh
template <Gpu G>
void rotary_on(G& gpu, Heads<Scalar<G>> x, const Positions& positions, const Rotation& rotation);

// attention.cuh, attention_gradient.cuh
template <Gpu G>
void attention_on(G& gpu, Heads<const Scalar<G>> q, Heads<const Scalar<G>> k, Heads<const Scalar<G>> v,
                  const AttentionRule& rule, Heads<Scalar<G>> out, View<Accumulator<G>, 3> log_sum);
template <Gpu G>
void attention_gradient_on(G& gpu, Heads<const Scalar<G>> q, Heads<const Scalar<G>> k, Heads<const Scalar<G>> v,
                           const AttentionRule& rule, Heads<const Scalar<G>> out,
                           ConstView<Accumulator<G>, 3> log_sum, Heads<const Scalar<G>> dout, Heads<Scalar<G>> dq,
                           Heads<Scalar<G>> dk, Heads<Scalar<G>> dv);

// cross_entropy.cuh
template <Gpu G>
void cross_entropy_on(G& gpu, ConstView<Scalar<G>, 2> logits, ConstView<std::int32_t, 1> targets,
                      View<Accumulator<G>, 1> losses);
template <Gpu G>
void cross_entropy_gradient_on(G& gpu, View<Scalar<G>, 2> logits, ConstView<std::int32_t, 1> targets,
                               View<Accumulator<G>, 1> losses, double scale);

// adamw.cuh
template <Gpu G>
void adamw_on(G& gpu, std::type_identity_t<MasterWeights<Scalar<G>>> weights,
              ConstView<Accumulator<G>, 1> gradients, View<Accumulator<G>, 1> m, View<Accumulator<G>, 1> v,
              const AdamWUpdate& update);

// adamw_narrow.cuh
template <Gpu G>
void adamw_narrow_on(G& gpu, std::type_identity_t<MasterWeights<Scalar<G>>> weights,
                     ConstView<Accumulator<G>, 1> gradients, View<bf16, 1> m, View<bf16, 1> v,
                     const AdamWUpdate& update, const Philox& rounding, Index first);

// rmsprop.cuh
template <Gpu G>
void rmsprop_on(G& gpu, std::type_identity_t<MasterWeights<Scalar<G>>> weights,
                ConstView<Accumulator<G>, 1> gradients, View<Accumulator<G>, 1> v, const RmsPropUpdate& update);

// digest.cuh
template <Gpu G>
void digests_on(G& gpu, ConstView<float, 1> x, Index first, std::span<const Index> starts,
                std::span<std::uint64_t> sums);
template <Gpu G>
void digests_on(G& gpu, ConstView<bf16, 1> x, Index first, std::span<const Index> starts,
                std::span<std::uint64_t> sums);
template <Gpu G>
void digests_on(G& gpu, MasterWeights<const bf16> x, Index first, std::span<const Index> starts,
                std::span<std::uint64_t> sums);

// reduce.cuh
template <Gpu G>
double sum_on(G& gpu, ConstView<Accumulator<G>, 1> x);
template <Gpu G>
void squares_by_block_on(G& gpu, ConstView<Accumulator<G>, 1> x, std::span<double> sums);
/// Of few numbers, such as the losses of tokens: they come to the host at once.
template <Gpu G>
void sum_rows_on(G& gpu, ConstView<Accumulator<G>, 2> x, std::span<double> sums) {
    std::vector<Accumulator<G>> host(static_cast<std::size_t>(x.size()));
    gpu.download(x.data, host.data(), host.size() * sizeof(Accumulator<G>));
    const auto columns = static_cast<std::size_t>(x.extent(1));
    for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] = 0;
        for (std::size_t t = 0; t < columns; ++t) sums[i] += static_cast<double>(host[i * columns + t]);
    }
}

}  // namespace lapidary
