#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/accumulation.hpp>
#include <lapidary/ops/cross_entropy.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/matmul.hpp>
#include <lapidary/ops/reduce.hpp>

#include <algorithm>
#include <span>

namespace lapidary {

/// Vectors to logits over the vocabulary, and the loss. It reads a [V, C] matrix: its own, or the embedding's
/// (tied).
///
/// The loss walks over chunks of tokens, so logits exist for one chunk at a time.
class LmHead {
public:
    /// Tokens whose logits exist at once; a multiple of `accumulation_block`, so chunks do not change bits.
    static constexpr Index chunk_tokens = 2 * accumulation_block;

    /// `frozen_row`: the row of a tied matrix that receives no gradient; -1: none.
    explicit LmHead(Slot<2> matrix, Index frozen_row = -1) : matrix_(matrix), frozen_row_(frozen_row) {}

    /// x: [B, T, C]; logits: [B, T, V].
    template <Device D>
    void logits(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                View<Scalar<D>, 3> logits) const {
        matmul(device, x.rows(), weights[matrix_], logits.rows());
    }

    /// The summed cross entropy of each sequence, in nats. x: [B, T, C]; targets: [B, T]; losses: B numbers.
    template <Device D>
    void loss(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, ConstView<std::int32_t, 2> targets,
              std::span<double> losses) const {
        each_chunk(device, weights, x, targets, losses,
                   [&](Index, Index, auto logits, auto chunk_targets, auto chunk_losses) {
                       cross_entropy(device, logits, chunk_targets, chunk_losses);
                   });
    }

    /// As `loss`; overwrites dx with the gradient of scale * (sum of all losses) and adds to the matrix's
    /// gradient.
    template <Device D>
    void loss_and_gradient(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                           ConstView<std::int32_t, 2> targets, double scale, std::span<double> losses,
                           View<Scalar<D>, 3> dx, Gradients<Scalar<D>> gradients) const {
        const Index width = x.extent(2);
        each_chunk(
            device, weights, x, targets, losses,
            [&](Index first, Index segment, auto logits, auto chunk_targets, auto chunk_losses) {
                cross_entropy_gradient(device, logits, chunk_targets, chunk_losses, scale);
                const Index count = logits.extent(0), sequences = count / segment;
                matmul_input_gradient(device, logits, weights[matrix_], dx.rows().slice(first, count));
                matmul_weight_gradient(
                    device, View<const Scalar<D>, 3>{logits.data, {sequences, segment, logits.extent(1)}},
                    View<const Scalar<D>, 3>{x.rows().slice(first, count).data, {sequences, segment, width}},
                    gradients[matrix_]);
            });
        if (frozen_row_ >= 0) fill(device, gradients[matrix_].at(frozen_row_), 0);
    }

private:
    // Chunks hold whole sequences, or a piece of one. `work(first, segment, logits, targets, losses)` gets the
    // chunk's first token and how many of its tokens belong to one sequence.
    template <Device D, class Work>
    void each_chunk(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                    ConstView<std::int32_t, 2> targets, std::span<double> losses, Work&& work) const {
        const Index batch = x.extent(0), time = x.extent(1);
        detail::require_shape(
            targets.shape == Shape<2>{batch, time} && static_cast<Index>(losses.size()) == batch, "loss", [&] {
                return "x is " + detail::extents(x) + ", targets are " + detail::extents(targets) + ", room for " +
                       std::to_string(losses.size()) + " losses";
            });
        ScratchScope scope(device.scratch());
        const auto token_losses = scratch(device, Shape<2>{batch, time});
        const Index whole = std::max<Index>(1, chunk_tokens / std::max<Index>(time, 1));
        for (Index b = 0; b < batch; b += whole) {
            const Index sequences = std::min(whole, batch - b);
            for (Index t = 0; t < time; t += chunk_tokens) {
                const Index segment = std::min(chunk_tokens, time - t);
                const Index first = b * time + t, count = sequences * segment;
                ScratchScope chunk(device.scratch());
                const auto logits = scratch(device, Shape<2>{count, matrix_.shape[0]});
                matmul(device, x.rows().slice(first, count), weights[matrix_], logits);
                work(first, segment, logits, targets.flat().slice(first, count),
                     token_losses.flat().slice(first, count));
            }
        }
        for (Index b = 0; b < batch; ++b) losses[static_cast<std::size_t>(b)] = sum(device, token_losses.at(b));
    }

    Slot<2> matrix_;
    Index frozen_row_;
};

}  // namespace lapidary
