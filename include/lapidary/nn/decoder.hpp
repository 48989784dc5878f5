#pragma once

#include <lapidary/nn/block.hpp>
#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/decoder_options.hpp>
#include <lapidary/nn/embedding.hpp>
#include <lapidary/nn/lm_head.hpp>
#include <lapidary/nn/low_rank.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/nn/sequences.hpp>
#include <lapidary/ops/reduce.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// A decoder-only language model: embedding, `layers` equal blocks, a norm, the head.
///
/// The model is its architecture: layers and slots. Whoever calls it brings weights, so one model serves weights,
/// frozen copies and any number of checkpoints, and is safe to use from several devices at once. Its functions
/// throw Error(shape) for weights or gradients of another size than `layout().size()`, for more tokens than the
/// context, and for views that do not fit together; token ids are checked where they enter the library
/// (`check_tokens`).
///
/// `ModelConfig`: what a published family calls these options (`AmberConfig`), convertible to them.
template <class BlockType, class ModelConfig = DecoderOptions<typename BlockType::Options>>
class Decoder {
    static_assert(check_block<BlockType>());

public:
    using Options = DecoderOptions<typename BlockType::Options>;
    using Config = ModelConfig;
    static constexpr bool takes_recompute = TakesRecompute<typename BlockType::Options>;

    /// `recompute`: what blocks compute again rather than keep, where their options do not say more. `adapters`:
    /// which matrices have one. Throws Error(value) naming an option that is out of its range, and by how much.
    explicit Decoder(const Config& config, Recompute recompute = Recompute::nothing, AdapterPlan adapters = {})
        : config_(config),
          options_(check_decoder(Options(config), recompute)),
          layout_(std::move(adapters)),
          embedding_(layout_, "embedding", options_.embedding),
          blocks_(make_blocks()),
          norm_(layout_, "norm", options_.block.norm),
          head_(layout_, "head", options_.head, embedding_.table(), options_.embedding.frozen_row) {
        check_adapters(layout_);
    }

    [[nodiscard]] const ParameterLayout& layout() const { return layout_; }
    [[nodiscard]] const Config& config() const { return config_; }
    [[nodiscard]] const Options& options() const { return options_; }
    [[nodiscard]] Index vocabulary() const { return options_.embedding.vocabulary; }
    [[nodiscard]] Index context() const { return options_.context; }

    /// Logits of every position. ids: [B, T], where documents may begin, T at most the context; logits: [B, T, V].
    template <Device D>
    void logits(D& device, Weights<Scalar<D>> weights, const Sequences& ids, View<Scalar<D>, 3> logits) const {
        ScratchScope scope(device.scratch());
        const auto h = run(device, weights, ids, nullptr);
        const Ends<const Scalar<D>> ends = open_ends(weights);
        head_.logits(device, ends.last, ends.tables, h, logits);
        close_ends(weights);
    }

    /// Calls `visit(i, x)` with the residual stream, x [B, T, C]: as the embedding makes it (i = 0) and as block i
    /// leaves it. It is gone when `visit` returns.
    template <Device D, class Visit>
    void visit_states(D& device, Weights<Scalar<D>> weights, const Sequences& ids, Visit&& visit) const {
        ScratchScope scope(device.scratch());
        run(device, weights, ids, nullptr, visit);
    }

    /// The cross entropy of each token, in nats. inputs, targets, losses: [B, T]; a negative target is not
    /// counted: its loss is 0.
    template <Device D>
    void loss(D& device, Weights<Scalar<D>> weights, const Sequences& inputs, ConstView<std::int32_t, 2> targets,
              View<Accumulator<D>, 2> losses) const {
        ScratchScope scope(device.scratch());
        const auto h = run(device, weights, inputs, nullptr);
        const Ends<const Scalar<D>> ends = open_ends(weights);
        head_.loss(device, ends.last, ends.tables, h, targets, losses);
        close_ends(weights);
    }

    /// The same summed over each sequence: B numbers in host memory.
    template <Device D>
    void loss(D& device, Weights<Scalar<D>> weights, const Sequences& inputs, ConstView<std::int32_t, 2> targets,
              std::span<double> losses) const {
        ScratchScope scope(device.scratch());
        const auto tokens = accumulator_scratch(device, inputs.ids.shape);
        loss(device, weights, inputs, targets, tokens);
        sum_rows(device, ConstView<Accumulator<D>, 2>(tokens), losses);
    }

    /// As `loss`, and adds the gradient of scale * (sum of all losses) to `gradients`. The gradients of the
    /// sequences are added one after the other, so that a batch may be cut into micro-batches anywhere.
    template <Device D>
    void loss_and_gradients(D& device, Weights<Scalar<D>> weights, const Sequences& inputs,
                            ConstView<std::int32_t, 2> targets, double scale, View<Accumulator<D>, 2> losses,
                            Gradients<Accumulator<D>> gradients) const {
        backpropagate(device, weights, inputs, targets, gradients,
                      [&](const auto& ends, const auto& sums, const auto& h, const auto& dh, bool later) {
                          // The head's part waits, and is computed anew, where several sequences are under way.
                          if (later) {
                              head_.loss_and_input_gradient(device, ends.last, ends.tables, h, targets, scale,
                                                            losses, dh);
                          } else {
                              head_.loss_and_gradient(device, ends.last, ends.tables, h, targets, scale, losses,
                                                      dh, sums.last, sums.tables);
                          }
                          return std::vector<double>(static_cast<std::size_t>(h.extent(0)), scale);
                      });
    }

    /// As `loss`, and adds the gradient of sum_b factors[b] * (sum of the losses of sequence b), where the factors
    /// depend on the losses: `weigh(sums)` is called with the sums, in host memory, and returns a factor each.
    /// Forward is computed once, but for the logits of a tied head and several sequences; those of all tokens
    /// exist at once.
    template <Device D, class Weigh>
    void weighted_gradients(D& device, Weights<Scalar<D>> weights, const Sequences& inputs,
                            ConstView<std::int32_t, 2> targets, Weigh&& weigh, View<Accumulator<D>, 2> losses,
                            Gradients<Accumulator<D>> gradients) const {
        backpropagate(device, weights, inputs, targets, gradients,
                      [&](const auto& ends, const auto& sums, const auto& h, const auto& dh, bool later) {
                          const auto factors = [&] {
                              std::vector<double> of_sequences(static_cast<std::size_t>(h.extent(0)));
                              sum_rows(device, ConstView<Accumulator<D>, 2>(losses), of_sequences);
                              return weigh(std::span<const double>(of_sequences));
                          };
                          return head_.weighted_gradient(device, ends.last, ends.tables, h, targets, losses, dh,
                                                         sums.last, sums.tables, later, factors);
                      });
    }

    /// The same with the losses summed over each sequence: B numbers in host memory.
    template <Device D>
    void loss_and_gradients(D& device, Weights<Scalar<D>> weights, const Sequences& inputs,
                            ConstView<std::int32_t, 2> targets, double scale, std::span<double> losses,
                            Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto tokens = accumulator_scratch(device, inputs.ids.shape);
        loss_and_gradients(device, weights, inputs, targets, scale, tokens, gradients);
        sum_rows(device, ConstView<Accumulator<D>, 2>(tokens), losses);
    }

    /// Logits of the last of T new tokens of each sequence; appends to the caches, one per layer. ids: [B, T], row
    /// i goes on with `sequences[i]`; logits: [B, V]. A sequence's logits do not depend on which others there are.
    /// Throws Error(shape) if there are not as many caches as layers, or one has no room for a sequence's tokens.
    template <Device D>
    void next_logits(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids,
                     std::span<const KeyValueCache<Scalar<D>>> caches, std::span<const CachedSequence> sequences,
                     View<Scalar<D>, 2> logits) const {
        const Index batch = ids.extent(0), time = ids.extent(1);
        std::vector<Index> last;
        for (Index b = 0; b < batch; ++b) last.push_back(b * time + time - 1);
        ScratchScope scope(device.scratch());
        const auto x = run_on(device, weights, ids, caches, sequences);
        head_of(device, weights, x, std::span<const Index>(last), logits);
    }

    /// Logits of any of the new tokens: of the tokens `rows`, each b * T + t, in this order. `visit(first,
    /// logits)` is called for one part of them after the other, logits [n, V] of `rows[first]` to
    /// `rows[first + n - 1]`, at most `most` at once; they are gone when it returns.
    template <Device D, class Visit>
    void visit_logits(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids,
                      std::span<const KeyValueCache<Scalar<D>>> caches, std::span<const CachedSequence> sequences,
                      std::span<const Index> rows, Index most, Visit&& visit) const {
        ScratchScope scope(device.scratch());
        const auto x = run_on(device, weights, ids, caches, sequences);
        const auto count = static_cast<Index>(rows.size());
        for (Index first = 0; first < count; first += most) {
            ScratchScope part(device.scratch());
            const Index here = std::min(most, count - first);
            const auto logits = scratch(device, Shape<2>{here, vocabulary()});
            head_of(device, weights, x,
                    rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(here)), logits);
            visit(first, logits);
        }
    }

    /// The same for all sequences of the caches, `past` tokens of each of which are there.
    template <Device D>
    void next_logits(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids,
                     std::span<const KeyValueCache<Scalar<D>>> caches, Index past,
                     View<Scalar<D>, 2> logits) const {
        std::vector<CachedSequence> sequences;
        for (Index b = 0; b < ids.extent(0); ++b) sequences.push_back({b, past});
        next_logits(device, weights, ids, caches, std::span<const CachedSequence>(sequences), logits);
    }

    /// Shape of one layer's keys (and of its values) in a cache for `batch` sequences of `time` tokens.
    [[nodiscard]] Shape<4> cache_shape(Index batch, Index time) const {
        return BlockType::cache_shape(options_.block, batch, time);
    }

private:
    template <class T>
    struct Trace {
        std::vector<typename BlockType::template Saved<T>> blocks;
        typename BlockType::NormLayer::template Saved<T> norm;
    };

    // Forward and backward. `head(ends, sums, h, dh, later)` makes the losses and dh of what the last norm leaves
    // and, unless `later`, the gradients of the head; it returns the factor of each sequence's losses.
    template <Device D, class Head>
    void backpropagate(D& device, Weights<Scalar<D>> weights, const Sequences& inputs,
                       ConstView<std::int32_t, 2> targets, Gradients<Accumulator<D>> gradients,
                       Head&& head) const {
        layout_.check_size("decoder", "gradients", gradients.size());
        ScratchScope scope(device.scratch());
        Trace<Scalar<D>> trace;
        const auto h = run(device, weights, inputs, &trace);
        const auto dh = scratch(device, h.shape);
        const Ends<const Scalar<D>> ends = open_ends(weights);
        const Ends<Accumulator<D>> sums = open_ends(gradients);
        // A tied matrix receives from each sequence first what the head has, then what the embedding has.
        const bool later = options_.head.tied && h.extent(0) > 1 && !sums.tables.frozen();
        const std::vector<double> factors = head(ends, sums, ConstView<Scalar<D>, 3>(h), dh, later);
        const auto d = scratch(device, h.shape);
        fill(device, d.flat(), 0);
        norm_.backward(device, ends.last, trace.norm, dh, d, sums.last);
        if (!later) {
            close_ends(weights);
            gradients.close(last_unit());
        }
        for (Index i = options_.layers; i-- > 0;) {
            const auto at = static_cast<std::size_t>(i);
            blocks_[at].backward(device, weights.open(i + 1), trace.blocks[at], d, gradients.open(i + 1));
            gradients.close(i + 1);
            weights.close(i + 1);
        }
        for (Index b = 0; later && b < h.extent(0); ++b) {
            head_.parameter_gradients(device, ends.last, ends.tables, h.slice(b, 1), targets.slice(b, 1),
                                      factors[static_cast<std::size_t>(b)], sums.last, sums.tables);
            embedding_.backward(device, inputs.ids.slice(b, 1), d.slice(b, 1), sums.tables);
        }
        if (later) {
            close_ends(weights);
            gradients.close(last_unit());
        } else {
            embedding_.backward(device, inputs.ids, d, options_.head.tied ? sums.tables : gradients.open(0));
        }
        gradients.close(0);
    }

    std::vector<BlockType> make_blocks() {
        std::vector<BlockType> blocks;
        for (Index i = 0; i < options_.layers; ++i) {
            layout_.begin_unit();
            blocks.emplace_back(layout_, "blocks." + std::to_string(i), options_.block);
        }
        layout_.begin_unit();
        if (options_.head.tied) layout_.use_ends_together();
        return blocks;
    }

    // The layout's units: the embedding, each block, norm and head.
    [[nodiscard]] Index last_unit() const { return options_.layers + 1; }

    // What the head needs: its own unit, and that of the matrix it reads.
    template <class T>
    struct Ends {
        Parameters<T> last;
        Parameters<T> tables;
    };
    template <class T>
    Ends<T> open_ends(Parameters<T> parameters) const {
        const Parameters<T> last = parameters.open(last_unit());
        return {last, options_.head.tied ? parameters.open(0) : last};
    }
    template <class T>
    void close_ends(Parameters<T> parameters) const {
        if (options_.head.tied) parameters.close(0);
        parameters.close(last_unit());
    }

    void check_call(Index weights, Index past, Index time) const {
        layout_.check_size("decoder", "weights", weights);
        detail::require_shape(
            past >= 0 && time >= 1 && time <= context() && past <= context() - time, "decoder", [&] {
                return std::to_string(time) + " tokens, but the context is " + std::to_string(context()) +
                       (past > 0 ? ", of which " + std::to_string(past) + " are taken" : "");
            });
    }

    // What the last block makes of tokens that follow others in the caches, [B, T, C]; appends theirs.
    template <Device D>
    View<Scalar<D>, 3> run_on(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids,
                              std::span<const KeyValueCache<Scalar<D>>> caches,
                              std::span<const CachedSequence> sequences) const {
        const Index batch = ids.extent(0), time = ids.extent(1);
        detail::require_shape(static_cast<Index>(sequences.size()) == batch, "decoder", [&] {
            return "ids of " + std::to_string(batch) + " sequences for " + std::to_string(sequences.size());
        });
        Index longest = 0;
        for (const CachedSequence& sequence : sequences) {
            check_call(weights.size(), sequence.past, time);
            longest = std::max(longest, sequence.past + time);
        }
        check_caches<Scalar<D>>("decoder", caches, options_.layers, longest);
        const Shape<3> shape{batch, time, options_.embedding.width};
        auto x = scratch(device, shape);
        auto y = scratch(device, shape);
        embedding_.forward(device, weights.open(0), ids, x);
        weights.close(0);
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            const Index unit = static_cast<Index>(i) + 1;
            blocks_[i].forward(device, weights.open(unit), x, y, caches[i], sequences);
            weights.close(unit);
            std::swap(x, y);
        }
        return x;
    }

    // Norm and head of some rows of [B * T, C]: logits [rows, V].
    template <Device D>
    void head_of(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, std::span<const Index> rows,
                 View<Scalar<D>, 2> logits) const {
        ScratchScope scope(device.scratch());
        const auto count = static_cast<Index>(rows.size());
        const auto chosen = scratch(device, Shape<3>{1, count, x.extent(2)});
        for (Index i = 0, run = 1; i < count; i += run) {  // neighbours are copied together
            const Index row = rows[static_cast<std::size_t>(i)];
            for (run = 1; i + run < count && rows[static_cast<std::size_t>(i + run)] == row + run;) ++run;
            copy(device, x.rows().slice(row, run).flat(), chosen.at(0).slice(i, run).flat());
        }
        const auto h = scratch(device, chosen.shape);
        typename BlockType::NormLayer::template Saved<Scalar<D>> unused;
        const Ends<const Scalar<D>> ends = open_ends(weights);
        norm_.forward(device, ends.last, chosen, h, unused);
        head_.logits(device, ends.last, ends.tables, h, logits.template reshape<3>({1, count, logits.extent(1)}));
        close_ends(weights);
    }

    // Everything up to the head: the normed output of the last block, [B, T, C]. Without a trace, nothing is kept
    // for a gradient.
    template <Device D>
    View<Scalar<D>, 3> run(D& device, Weights<Scalar<D>> weights, const Sequences& sequences,
                           Trace<Scalar<D>>* trace) const {
        return run(device, weights, sequences, trace, [](Index, ConstView<Scalar<D>, 3>) {});
    }

    template <Device D, class Visit>
    View<Scalar<D>, 3> run(D& device, Weights<Scalar<D>> weights, const Sequences& sequences,
                           Trace<Scalar<D>>* trace, Visit&& visit) const {
        const ConstView<std::int32_t, 2> ids = sequences.ids;
        const DocumentStarts starts = sequences.starts;
        check_call(weights.size(), 0, ids.extent(1));
        detail::require_shape(starts.empty() || starts.shape == ids.shape, "decoder", [&] {
            return "ids are " + detail::extents(ids) + ", the starts of documents are " + detail::extents(starts);
        });
        const Shape<3> shape{ids.extent(0), ids.extent(1), options_.embedding.width};
        auto x = scratch(device, shape), y = scratch(device, shape);
        embedding_.forward(device, weights.open(0), ids, x);
        weights.close(0);
        visit(Index{0}, ConstView<Scalar<D>, 3>(x));
        if (trace) trace->blocks.resize(blocks_.size());
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            const Index unit = static_cast<Index>(i) + 1;
            if (trace) {
                detail::set_starts(trace->blocks[i], starts);
                blocks_[i].forward(device, weights.open(unit), x, y, trace->blocks[i]);
                x = y;
                y = scratch(device, shape);
            } else {
                ScratchScope scope(device.scratch());
                typename BlockType::template Saved<Scalar<D>> dropped;
                detail::set_starts(dropped, starts);
                blocks_[i].forward(device, weights.open(unit), x, y, dropped);
                std::swap(x, y);
            }
            weights.close(unit);
            visit(static_cast<Index>(i) + 1, ConstView<Scalar<D>, 3>(x));
        }
        typename BlockType::NormLayer::template Saved<Scalar<D>> unused;
        norm_.forward(device, weights.open(last_unit()), x, y, trace ? trace->norm : unused);
        weights.close(last_unit());
        return y;
    }

    Config config_;
    Options options_;
    ParameterLayout layout_;
    Embedding embedding_;
    std::vector<BlockType> blocks_;
    typename BlockType::NormLayer norm_;
    LmHead head_;
};

}  // namespace lapidary
