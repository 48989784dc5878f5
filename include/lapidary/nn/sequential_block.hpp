#pragma once

#include <lapidary/nn/block.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/nn/residual.hpp>
#include <lapidary/nn/sequences.hpp>
#include <lapidary/ops/elementwise.hpp>

namespace lapidary {

/// A pre-norm residual block whose two branches follow each other:
/// m = x + attention(norm1(x)), y = m + mlp(norm2(m)).
template <class Norm, class SelfAttention, class Mlp>
class SequentialBlock {
    static_assert(check_layer<Norm>() && check_cached_layer<SelfAttention>() && check_layer<Mlp>());

public:
    using NormLayer = Norm;

    struct Options {
        typename Norm::Options norm{};
        typename SelfAttention::Options attention{};
        typename Mlp::Options mlp{};
        Recompute recompute = Recompute::nothing;
    };

    /// Saves 3C elements a token (the inputs of the two layers and of the second norm) besides what its parts
    /// save, C elements from Recompute::norms on, nothing at Recompute::block; keeps views of its input
    /// and of where documents begin.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;
        typename Norm::template Saved<T> norm1;
        typename SelfAttention::template Saved<T> attention;
        ConstView<T, 3> middle;
        typename Norm::template Saved<T> norm2;
        typename Mlp::template Saved<T> mlp;
        DocumentStarts starts;
    };

    SequentialBlock(ParameterLayout& layout, const std::string& name, const Options& options)
        : recompute_(options.recompute),
          norm1_(layout, name + ".norm1", options.norm),
          attention_(layout, name + ".attention", of_attention(options)),
          norm2_(layout, name + ".norm2", options.norm),
          mlp_(layout, name + ".mlp", at_least(options.mlp, options.recompute)) {}

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        if (recompute_ < Recompute::block) {
            run(device, weights, x, y, saved, recompute_ >= Recompute::norms);
            return;
        }
        saved.x = x;
        ScratchScope scope(device.scratch());
        Saved<Scalar<D>> dropped;
        dropped.starts = saved.starts;
        run(device, weights, x, y, dropped, true);
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
        norm2_.forward(device, weights, middle, h, unused.norm2);
        detail::forward_add(mlp_, device, weights, h, middle, y, unused.mlp);
    }

    /// d: the gradient of y on entry, of x on return.
    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, View<Scalar<D>, 3> d,
                  Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const Saved<Scalar<D>> all =
            recompute_ < Recompute::block ? saved : again(device, weights, saved.x, saved.starts);
        const auto dh = scratch(device, d.shape);
        fill(device, dh.flat(), 0);
        {
            ScratchScope branch(device.scratch());
            const auto mlp = detail::with_input<Mlp>(device, weights, norm2_, all.middle, all.mlp);
            mlp_.backward(device, weights, mlp, d, dh, gradients);
        }
        norm2_.backward(device, weights, all.norm2, dh, d, gradients);
        fill(device, dh.flat(), 0);
        {
            ScratchScope branch(device.scratch());
            const auto attention =
                detail::with_input<SelfAttention>(device, weights, norm1_, all.x, all.attention);
            attention_.backward(device, weights, attention, d, dh, gradients);
        }
        norm1_.backward(device, weights, all.norm1, dh, d, gradients);
    }

    /// Shape of the keys (and of the values) in a cache for `batch` sequences of `time` tokens.
    static Shape<4> cache_shape(const Options& options, Index batch, Index time) {
        return SelfAttention::cache_shape(options.attention, batch, time);
    }

private:
    // At Recompute::block, attention runs again as a whole, because the second norm needs its result.
    static typename SelfAttention::Options of_attention(const Options& options) {
        return options.recompute < Recompute::block ? at_least(options.attention, options.recompute)
                                                    : options.attention;
    }

    // `drop`: what the norms make is not kept, where the layer behind allows that: its place is then y's.
    template <Device D>
    void run(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
             Saved<Scalar<D>>& saved, bool drop) const {
        to_middle(device, weights, x, y, saved, drop && HasForwardAdd<SelfAttention>);
        const bool dropped = drop && HasForwardAdd<Mlp>;
        const auto h = dropped ? y : scratch(device, x.shape);
        norm2_.forward(device, weights, saved.middle, h, saved.norm2);
        detail::forward_add(mlp_, device, weights, h, saved.middle, y, saved.mlp);
        if constexpr (HasForwardAdd<Mlp>) {
            if (dropped) saved.mlp.x = {};
        }
    }

    template <Device D>
    void to_middle(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                   Saved<Scalar<D>>& saved, bool drop) const {
        saved.x = x;
        const auto h = drop ? y : scratch(device, x.shape);
        norm1_.forward(device, weights, x, h, saved.norm1);
        const auto middle = scratch(device, x.shape);
        saved.middle = middle;
        detail::set_starts(saved.attention, saved.starts);
        detail::forward_add(attention_, device, weights, h, x, middle, saved.attention);
        if constexpr (HasForwardAdd<SelfAttention>) {
            if (drop) saved.attention.x = {};
        }
    }

    // All that backward needs, from the block's input.
    template <Device D>
    Saved<Scalar<D>> again(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                           DocumentStarts starts) const {
        Saved<Scalar<D>> saved;
        saved.starts = starts;
        to_middle(device, weights, x, {}, saved, false);
        const auto h = scratch(device, x.shape);
        norm2_.forward(device, weights, saved.middle, h, saved.norm2);
        detail::save_again(mlp_, device, weights, h, saved.mlp);
        return saved;
    }

    Recompute recompute_;
    Norm norm1_;
    SelfAttention attention_;
    Norm norm2_;
    Mlp mlp_;
};

}  // namespace lapidary
