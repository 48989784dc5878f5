#pragma once

#include <lapidary/nn/block.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/nn/residual.hpp>
#include <lapidary/nn/sequences.hpp>
#include <lapidary/ops/elementwise.hpp>

#include <optional>
#include <span>

namespace lapidary {

/// A pre-norm residual block whose two branches start from the same input:
/// y = x + attention(norm1(x)) + mlp(norm2(x)); with `shared_norm`, norm1 serves both.
template <class Norm, class SelfAttention, class Mlp>
class ParallelBlock {
    static_assert(check_layer<Norm>() && check_cached_layer<SelfAttention>() && check_layer<Mlp>());

public:
    using NormLayer = Norm;

    struct Options {
        typename Norm::Options norm{};
        typename SelfAttention::Options attention{};
        typename Mlp::Options mlp{};
        bool shared_norm = false;
        Recompute recompute = Recompute::nothing;
    };

    /// Takes 3C elements a token, 2C with a shared norm, besides what its parts save, C elements from
    /// Recompute::norms on, nothing at Recompute::block; keeps views of its input and of where documents
    /// begin.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;
        typename Norm::template Saved<T> norm1;
        typename SelfAttention::template Saved<T> attention;
        typename Norm::template Saved<T> norm2;
        typename Mlp::template Saved<T> mlp;
        DocumentStarts starts;
    };

    ParallelBlock(ParameterLayout& layout, const std::string& name, const Options& options)
        : recompute_(options.recompute),
          norm1_(layout, name + ".norm1", options.norm),
          attention_(layout, name + ".attention", at_least(options.attention, options.recompute)),
          mlp_(layout, name + ".mlp", at_least(options.mlp, options.recompute)) {
        if (!options.shared_norm) norm2_.emplace(layout, name + ".norm2", options.norm);
    }

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        if (recompute_ < Recompute::block) {
            run(device, weights, x, y, saved);
            return;
        }
        saved.x = x;
        ScratchScope scope(device.scratch());
        Saved<Scalar<D>> dropped;
        dropped.starts = saved.starts;
        run(device, weights, x, y, dropped);
    }

    /// As `forward` for tokens that follow others in a cache; saves nothing for a backward pass.
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        ScratchScope scope(device.scratch());
        Saved<Scalar<D>> unused;
        const auto h = scratch(device, x.shape), middle = scratch(device, x.shape);
        norm1_.forward(device, weights, x, h, unused.norm1);
        detail::forward_add(attention_, device, weights, h, x, middle, cache, sequences);
        if (norm2_) norm2_->forward(device, weights, x, h, unused.norm2);
        detail::forward_add(mlp_, device, weights, h, middle, y, unused.mlp);
    }

    /// d: the gradient of y on entry, of x on return.
    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, View<Scalar<D>, 3> d,
                  Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const Saved<Scalar<D>> all = recompute_ < Recompute::norms ? saved : again(device, weights, saved);
        const auto dh1 = scratch(device, d.shape);
        fill(device, dh1.flat(), 0);
        auto dh2 = dh1;
        if (norm2_) {
            dh2 = scratch(device, d.shape);
            fill(device, dh2.flat(), 0);
        }
        mlp_.backward(device, weights, all.mlp, d, dh2, gradients);
        attention_.backward(device, weights, all.attention, d, dh1, gradients);
        if (norm2_) norm2_->backward(device, weights, all.norm2, dh2, d, gradients);
        norm1_.backward(device, weights, all.norm1, dh1, d, gradients);
    }

    /// Shape of the keys (and of the values) in a cache for `batch` sequences of `time` tokens.
    static Shape<4> cache_shape(const Options& options, Index batch, Index time) {
        return SelfAttention::cache_shape(options.attention, batch, time);
    }

private:
    // Whether what norms make is not kept: its place is then y's, if the layers behind allow that.
    [[nodiscard]] bool drops_attention_input() const {
        return recompute_ >= Recompute::norms && HasForwardAdd<SelfAttention> && (norm2_ || HasForwardAdd<Mlp>);
    }
    [[nodiscard]] bool drops_mlp_input() const {
        return recompute_ >= Recompute::norms && HasForwardAdd<Mlp> && (norm2_ || HasForwardAdd<SelfAttention>);
    }

    template <Device D>
    void run(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
             Saved<Scalar<D>>& saved) const {
        saved.x = x;
        const auto h1 = drops_attention_input() ? y : scratch(device, x.shape);
        norm1_.forward(device, weights, x, h1, saved.norm1);
        const auto middle = scratch(device, x.shape);
        detail::set_starts(saved.attention, saved.starts);
        detail::forward_add(attention_, device, weights, h1, x, middle, saved.attention);
        auto h2 = h1;
        if (norm2_) {
            h2 = drops_mlp_input() ? y : scratch(device, x.shape);
            norm2_->forward(device, weights, x, h2, saved.norm2);
        }
        detail::forward_add(mlp_, device, weights, h2, middle, y, saved.mlp);
        if constexpr (HasForwardAdd<SelfAttention>) {
            if (drops_attention_input()) saved.attention.x = {};
        }
        if constexpr (HasForwardAdd<Mlp>) {
            if (drops_mlp_input()) saved.mlp.x = {};
        }
    }

    // `saved` with what the layers were given; at Recompute::block, all that backward needs.
    template <Device D>
    Saved<Scalar<D>> again(D& device, Weights<Scalar<D>> weights, Saved<Scalar<D>> saved) const {
        const auto x = saved.x;
        if (recompute_ < Recompute::block) {
            saved.attention = detail::with_input<SelfAttention>(device, weights, norm1_, x, saved.attention);
            if (norm2_) {
                saved.mlp = detail::with_input<Mlp>(device, weights, *norm2_, x, saved.mlp);
            } else if constexpr (HasForwardAdd<SelfAttention> && HasForwardAdd<Mlp>) {
                saved.mlp.x = saved.attention.x;
            }
            return saved;
        }
        const auto h1 = scratch(device, x.shape);
        norm1_.forward(device, weights, x, h1, saved.norm1);
        auto h2 = h1;
        if (norm2_) {
            h2 = scratch(device, x.shape);
            norm2_->forward(device, weights, x, h2, saved.norm2);
        }
        detail::set_starts(saved.attention, saved.starts);
        detail::save_again(attention_, device, weights, h1, saved.attention);
        detail::save_again(mlp_, device, weights, h2, saved.mlp);
        return saved;
    }

    Recompute recompute_;
    Norm norm1_;
    SelfAttention attention_;
    std::optional<Norm> norm2_;
    Mlp mlp_;
};

}  // namespace lapidary
