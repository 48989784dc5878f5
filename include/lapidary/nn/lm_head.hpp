#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/accumulation.hpp>
#include <lapidary/ops/bias.hpp>
#include <lapidary/ops/cross_entropy.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/matmul.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace lapidary {

/// Vectors to logits over the vocabulary, and the loss: logits = multiplier * x w^T + b. It reads a [V, C] matrix:
/// its own, or the embedding's (tied). Parameters: `<name>` [V, C] unless tied, `<name>.bias` [V] if wanted.
///
/// The loss walks over chunks of tokens, so logits exist for one chunk at a time. Functions take the parameters
/// that hold the matrix (`tables`) and those that hold the rest: the same, unless the matrix is the embedding's
/// and only parts of the parameters are at hand.
class LmHead {
public:
    struct Options {
        bool tied = false;  ///< use the embedding's matrix
        bool bias = false;
        double multiplier = 1.0;
        Initializer initial = Initializer::normal(0.02);  ///< of a matrix of its own
    };

    /// Tokens whose logits exist at once on a device that does not say (`loss_chunk_tokens`); a multiple of
    /// `accumulation_block`, so chunks do not change bits.
    static constexpr Index chunk_tokens = 2 * accumulation_block;

    /// `table`: the embedding's matrix; `frozen_row`: its row that receives no gradient; -1: none.
    LmHead(ParameterLayout& layout, const std::string& name, const Options& options, Slot<2> table,
           Index frozen_row)
        : multiplier_(check(options).multiplier),
          frozen_row_(options.tied ? frozen_row : -1),
          matrix_(options.tied ? table : layout.add(name, table.shape, Role::head, options.initial)) {
        if (options.bias) {
            bias_ = layout.add(name + ".bias", Shape<1>{table.shape[0]}, Role::bias, Initializer::constant(0));
        }
    }

    /// x: [B, T, C]; logits: [B, T, V].
    template <Device D>
    void logits(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables, ConstView<Scalar<D>, 3> x,
                View<Scalar<D>, 3> logits) const {
        ScratchScope scope(device.scratch());
        project(device, weights, tables, multiplied(device, x.rows()), logits.rows());
    }

    /// The cross entropy of each token, in nats. x: [B, T, C]; targets, losses: [B, T]; a negative target is not
    /// counted: its loss is 0.
    template <Device D>
    void loss(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables, ConstView<Scalar<D>, 3> x,
              ConstView<std::int32_t, 2> targets, View<Accumulator<D>, 2> losses) const {
        each_chunk(device, x, targets, losses,
                   [&](Index, Index, auto inputs, auto chunk_targets, auto chunk_losses) {
                       const auto logits = logits_of(device, weights, tables, inputs);
                       cross_entropy(device, logits, chunk_targets, chunk_losses);
                   });
    }

    /// As `loss`; overwrites dx with the gradient of scale * (sum of all losses) and adds to those of the
    /// parameters.
    template <Device D>
    void loss_and_gradient(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables,
                           ConstView<Scalar<D>, 3> x, ConstView<std::int32_t, 2> targets, double scale,
                           View<Accumulator<D>, 2> losses, View<Scalar<D>, 3> dx,
                           Gradients<Accumulator<D>> gradients, Gradients<Accumulator<D>> table_gradients) const {
        each_gradient(device, weights, tables, x, targets, scale, losses,
                      [&](Index first, Index segment, auto inputs, auto dlogits) {
                          input_gradient(device, tables, dlogits, dx.rows().slice(first, dlogits.extent(0)));
                          add_gradients(device, segment, inputs, dlogits, gradients, table_gradients);
                      });
        freeze(device, table_gradients);
    }

    /// The same where the gradient of each sequence's losses has a factor of its own, which depends on them all:
    /// `weigh()` is called when `losses` are there and returns a factor a sequence. All logits exist at once,
    /// since they wait for it: B T V elements, against a second product with the matrix. `later`: leaves the
    /// parameters to `parameter_gradients`. Returns the factors.
    template <Device D, class Weigh>
    std::vector<double> weighted_gradient(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables,
                                          ConstView<Scalar<D>, 3> x, ConstView<std::int32_t, 2> targets,
                                          View<Accumulator<D>, 2> losses, View<Scalar<D>, 3> dx,
                                          Gradients<Accumulator<D>> gradients,
                                          Gradients<Accumulator<D>> table_gradients, bool later,
                                          Weigh&& weigh) const {
        ScratchScope scope(device.scratch());
        const auto all = scratch(device, Shape<2>{x.rows().extent(0), matrix_.shape[0]});
        each_chunk(device, x, targets, losses,
                   [&](Index first, Index, auto inputs, auto chunk_targets, auto chunk_losses) {
                       const auto logits = all.slice(first, inputs.extent(0));
                       project(device, weights, tables, inputs, logits);
                       cross_entropy(device, ConstView<Scalar<D>, 2>(logits), chunk_targets, chunk_losses);
                   });
        std::vector<double> factors = weigh();
        each_chunk(device, x, targets, losses,
                   [&](Index first, Index segment, auto inputs, auto chunk_targets, auto chunk_losses) {
                       const auto logits = all.slice(first, inputs.extent(0));
                       for (Index row = 0; row < inputs.extent(0); row += segment) {
                           const auto sequence = static_cast<std::size_t>((first + row) / x.extent(1));
                           cross_entropy_gradient(device, logits.slice(row, segment),
                                                  chunk_targets.slice(row, segment),
                                                  chunk_losses.slice(row, segment), factors[sequence]);
                       }
                       input_gradient(device, tables, logits, dx.rows().slice(first, inputs.extent(0)));
                       if (!later) add_gradients(device, segment, inputs, logits, gradients, table_gradients);
                   });
        if (!later) freeze(device, table_gradients);
        return factors;
    }

    /// The first half of `loss_and_gradient`: the losses and dx.
    template <Device D>
    void loss_and_input_gradient(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables,
                                 ConstView<Scalar<D>, 3> x, ConstView<std::int32_t, 2> targets, double scale,
                                 View<Accumulator<D>, 2> losses, View<Scalar<D>, 3> dx) const {
        each_gradient(device, weights, tables, x, targets, scale, losses,
                      [&](Index first, Index, auto, auto dlogits) {
                          input_gradient(device, tables, dlogits, dx.rows().slice(first, dlogits.extent(0)));
                      });
    }

    /// The second half, which computes the logits once more.
    template <Device D>
    void parameter_gradients(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables,
                             ConstView<Scalar<D>, 3> x, ConstView<std::int32_t, 2> targets, double scale,
                             Gradients<Accumulator<D>> gradients,
                             Gradients<Accumulator<D>> table_gradients) const {
        ScratchScope scope(device.scratch());
        const auto losses = accumulator_scratch(device, targets.shape);
        each_gradient(device, weights, tables, x, targets, scale, losses,
                      [&](Index, Index segment, auto inputs, auto dlogits) {
                          add_gradients(device, segment, inputs, dlogits, gradients, table_gradients);
                      });
        freeze(device, table_gradients);
    }

private:
    static const Options& check(const Options& options) {
        detail::require_option(options.multiplier > 0 && std::isfinite(options.multiplier), "head", "multiplier",
                               options.multiplier, "be positive");
        detail::require_initializer("head", "initial", options.initial);
        return options;
    }

    // The multiplier enters by the vectors: there are fewer of them than logits.
    template <Device D>
    ConstView<Scalar<D>, 2> multiplied(D& device, ConstView<Scalar<D>, 2> x) const {
        if (multiplier_ == 1) return x;
        const auto y = scratch(device, x.shape);
        copy(device, x.flat(), y.flat());
        scale(device, y.flat(), multiplier_);
        return y;
    }

    template <Device D>
    void project(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables, ConstView<Scalar<D>, 2> x,
                 View<Scalar<D>, 2> logits) const {
        matmul(device, x, tables[matrix_], logits);
        if (bias_.shape[0] > 0) add_bias(device, weights[bias_], logits);
    }

    template <Device D>
    void input_gradient(D& device, Weights<Scalar<D>> tables, ConstView<Scalar<D>, 2> dlogits,
                        View<Scalar<D>, 2> dx) const {
        matmul_input_gradient(device, dlogits, tables[matrix_], dx);
        if (multiplier_ != 1) scale(device, dx.flat(), multiplier_);
    }

    template <Device D>
    void add_gradients(D& device, Index segment, ConstView<Scalar<D>, 2> inputs, ConstView<Scalar<D>, 2> dlogits,
                       Gradients<Accumulator<D>> gradients, Gradients<Accumulator<D>> table_gradients) const {
        if (table_gradients.frozen()) return;
        const auto by_sequence = [&](ConstView<Scalar<D>, 2> rows) {
            return ConstView<Scalar<D>, 3>{rows.data, {rows.extent(0) / segment, segment, rows.extent(1)}};
        };
        matmul_weight_gradient(device, by_sequence(dlogits), by_sequence(inputs), table_gradients[matrix_]);
        if (bias_.shape[0] > 0) bias_gradient(device, by_sequence(dlogits), gradients[bias_]);
    }

    template <Device D>
    void freeze(D& device, Gradients<Accumulator<D>> table_gradients) const {
        if (frozen_row_ >= 0 && !table_gradients.frozen())
            fill(device, table_gradients[matrix_].at(frozen_row_), 0);
    }

    template <Device D>
    View<Scalar<D>, 2> logits_of(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables,
                                 ConstView<Scalar<D>, 2> inputs) const {
        const auto logits = scratch(device, Shape<2>{inputs.extent(0), matrix_.shape[0]});
        project(device, weights, tables, inputs, logits);
        return logits;
    }

    // `work(first, segment, inputs, dlogits)` for each chunk, as `each_chunk` has them.
    template <Device D, class Work>
    void each_gradient(D& device, Weights<Scalar<D>> weights, Weights<Scalar<D>> tables, ConstView<Scalar<D>, 3> x,
                       ConstView<std::int32_t, 2> targets, double scale, View<Accumulator<D>, 2> losses,
                       Work&& work) const {
        each_chunk(device, x, targets, losses,
                   [&](Index first, Index segment, auto inputs, auto chunk_targets, auto chunk_losses) {
                       const auto logits = logits_of(device, weights, tables, inputs);
                       cross_entropy_gradient(device, logits, chunk_targets, chunk_losses, scale);
                       work(first, segment, inputs, ConstView<Scalar<D>, 2>(logits));
                   });
    }

    // Chunks hold whole sequences, or a piece of one. `work(first, segment, inputs, targets, losses)` gets the
    // chunk's first token, how many of its tokens belong to one sequence, and its vectors times the multiplier.
    template <Device D, class Work>
    void each_chunk(D& device, ConstView<Scalar<D>, 3> x, ConstView<std::int32_t, 2> targets,
                    View<Accumulator<D>, 2> losses, Work&& work) const {
        const Index batch = x.extent(0), time = x.extent(1);
        detail::require_shape(targets.shape == Shape<2>{batch, time} && losses.shape == targets.shape, "loss",
                              [&] {
                                  return "x is " + detail::extents(x) + ", targets are " +
                                         detail::extents(targets) + ", losses are " + detail::extents(losses);
                              });
        Index most = chunk_tokens;
        if constexpr (requires { D::loss_chunk_tokens; }) most = D::loss_chunk_tokens;
        const Index whole = std::max<Index>(1, most / std::max<Index>(time, 1));
        for (Index b = 0; b < batch; b += whole) {
            const Index sequences = std::min(whole, batch - b);
            for (Index t = 0; t < time; t += most) {
                const Index segment = std::min(most, time - t);
                const Index first = b * time + t, count = sequences * segment;
                ScratchScope chunk(device.scratch());
                const ConstView<Scalar<D>, 2> inputs = multiplied(device, x.rows().slice(first, count));
                work(first, segment, inputs, targets.flat().slice(first, count),
                     losses.flat().slice(first, count));
            }
        }
    }

    double multiplier_;
    Index frozen_row_;
    Slot<2> matrix_;
    Slot<1> bias_;  // of no elements: none
};

}  // namespace lapidary
