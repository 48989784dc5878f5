#pragma once

#include <lapidary/nn/embedding.hpp>
#include <lapidary/nn/lm_head.hpp>
#include <lapidary/nn/sequential_block.hpp>

#include <string>
#include <vector>

namespace lapidary {

/// What a decoder is made of, besides the type of its blocks.
template <class BlockOptions>
struct DecoderOptions {
    Embedding::Options embedding{};
    BlockOptions block{};
    Index layers = 0;
    Index context = 0;             ///< the longest sequence, in tokens
    bool tied = false;             ///< the head shares the embedding's matrix
    double head_deviation = 0.02;  ///< standard deviation of an untied head's initial weights
};

/// A decoder-only language model: embedding, `layers` equal blocks, a norm, the head.
///
/// The model is its architecture: layers and slots. Whoever calls it brings weights, so one model serves weights,
/// frozen copies and any number of checkpoints, and is safe to use from several devices at once.
template <class Block>
class Decoder {
public:
    using Options = DecoderOptions<typename Block::Options>;
    using BlockType = Block;

    explicit Decoder(const Options& options)
        : options_(options),
          embedding_(layout_, "embedding", options.embedding),
          blocks_(make_blocks()),
          norm_(layout_, "norm", options.block.norm),
          head_(options.tied ? embedding_.table()
                             : layout_.add("head", embedding_.table().shape, Role::head,
                                           Initializer::normal(options.head_deviation))) {}

    [[nodiscard]] const ParameterLayout& layout() const { return layout_; }
    [[nodiscard]] const Options& options() const { return options_; }
    [[nodiscard]] Index vocabulary() const { return options_.embedding.vocabulary; }
    [[nodiscard]] Index context() const { return options_.context; }

    /// Logits of every position. ids: [B, T], T at most the context; logits: [B, T, V].
    template <Device D>
    void logits(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids, View<Scalar<D>, 3> logits) const {
        ScratchScope scope(device.scratch());
        Trace<Scalar<D>> trace;
        head_.logits(device, weights, run(device, weights, ids, trace), logits);
    }

    /// The summed cross entropy of each sequence, in nats. inputs, targets: [B, T]; losses: B numbers.
    template <Device D>
    void loss(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> inputs,
              ConstView<std::int32_t, 2> targets, std::span<double> losses) const {
        ScratchScope scope(device.scratch());
        Trace<Scalar<D>> trace;
        head_.loss(device, weights, run(device, weights, inputs, trace), targets, losses);
    }

    /// As `loss`, and adds the gradient of scale * (sum of all losses) to `gradients`. The gradients of the sequences
    /// are added one after the other, so that a batch may be cut into micro-batches anywhere.
    template <Device D>
    void loss_and_gradients(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> inputs,
                            ConstView<std::int32_t, 2> targets, double scale, std::span<double> losses,
                            Gradients<Scalar<D>> gradients) const {
        ScratchScope scope(device.scratch());
        Trace<Scalar<D>> trace;
        const auto h = run(device, weights, inputs, trace);
        const auto dh = scratch(device, h.shape);
        head_.loss_and_gradient(device, weights, h, targets, scale, losses, dh, gradients);
        const auto d = scratch(device, h.shape);
        fill(device, d.flat(), 0);
        norm_.backward(device, weights, trace.norm, dh, d, gradients);
        for (std::size_t i = blocks_.size(); i-- > 0;) {
            blocks_[i].backward(device, weights, trace.blocks[i], d, gradients);
        }
        embedding_.backward(device, inputs, d, gradients);
    }

    /// Logits of the last of T new tokens that follow `past` others; appends to the caches, one per layer.
    /// ids: [B, T]; logits: [B, V].
    template <Device D>
    void next_logits(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids,
                     std::span<const KeyValueCache<Scalar<D>>> caches, Index past, View<Scalar<D>, 2> logits) const {
        check_length(past + ids.extent(1));
        ScratchScope scope(device.scratch());
        const Index batch = ids.extent(0), time = ids.extent(1), width = options_.embedding.width;
        const Shape<3> shape{batch, time, width};
        auto x = scratch(device, shape);
        auto y = scratch(device, shape);
        embedding_.forward(device, weights, ids, x);
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            blocks_[i].forward(device, weights, x, y, caches[i], past);
            std::swap(x, y);
        }
        const auto last = scratch(device, Shape<3>{batch, 1, width});
        for (Index b = 0; b < batch; ++b) copy(device, x.at(b).at(time - 1), last.at(b).at(0));
        const auto h = scratch(device, last.shape);
        typename Block::NormLayer::template Saved<Scalar<D>> unused;
        norm_.forward(device, weights, last, h, unused);
        head_.logits(device, weights, h, logits.template reshape<3>({batch, 1, logits.extent(1)}));
    }

    /// Shape of one layer's keys (and of its values) in a cache for `batch` sequences of `time` tokens.
    [[nodiscard]] Shape<4> cache_shape(Index batch, Index time) const {
        const auto& attention = options_.block.attention;
        return {batch, time, attention.kv_heads, attention.head_size};
    }

private:
    template <class T>
    struct Trace {
        std::vector<typename Block::template Saved<T>> blocks;
        typename Block::NormLayer::template Saved<T> norm;
    };

    std::vector<Block> make_blocks() {
        std::vector<Block> blocks;
        for (Index i = 0; i < options_.layers; ++i) {
            blocks.emplace_back(layout_, "blocks." + std::to_string(i), options_.block);
        }
        return blocks;
    }

    void check_length(Index time) const {
        if (time < 1 || time > options_.context) {
            throw Error(ErrorCode::shape, "decoder",
                        std::to_string(time) + " tokens, but the context is " + std::to_string(options_.context));
        }
    }

    // Everything up to the head: the normed output of the last block, [B, T, C].
    template <Device D>
    View<Scalar<D>, 3> run(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids,
                           Trace<Scalar<D>>& trace) const {
        check_length(ids.extent(1));
        const Shape<3> shape{ids.extent(0), ids.extent(1), options_.embedding.width};
        auto x = scratch(device, shape);
        embedding_.forward(device, weights, ids, x);
        trace.blocks.resize(blocks_.size());
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            const auto y = scratch(device, shape);
            blocks_[i].forward(device, weights, x, y, trace.blocks[i]);
            x = y;
        }
        const auto h = scratch(device, shape);
        norm_.forward(device, weights, x, h, trace.norm);
        return h;
    }

    Options options_;
    ParameterLayout layout_;
    Embedding embedding_;
    std::vector<Block> blocks_;
    typename Block::NormLayer norm_;
    LmHead head_;
};

}  // namespace lapidary
