#pragma once

#include <lapidary/nn/block.hpp>
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
    };

    /// Saves 3C elements a token (the inputs of the two layers and of the second norm) besides what its parts
    /// save, and keeps a view of its input.
    template <class T>
    struct Saved {
        typename Norm::template Saved<T> norm1;
        typename SelfAttention::template Saved<T> attention;
        typename Norm::template Saved<T> norm2;
        typename Mlp::template Saved<T> mlp;
    };

    SequentialBlock(ParameterLayout& layout, const std::string& name, const Options& options)
        : norm1_(layout, name + ".norm1", options.norm),
          attention_(layout, name + ".attention", options.attention),
          norm2_(layout, name + ".norm2", options.norm),
          mlp_(layout, name + ".mlp", options.mlp) {}

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        run(device, weights, x, y, saved,
            [&](auto h, auto middle) { attention_.forward(device, weights, h, middle, saved.attention); });
    }

    /// As `forward` for tokens that follow others in a cache; saves nothing for a backward pass.
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        ScratchScope scope(device.scratch());
        Saved<Scalar<D>> unused;
        run(device, weights, x, y, unused,
            [&](auto h, auto middle) { attention_.forward(device, weights, h, middle, cache, sequences); });
    }

    /// d: the gradient of y on entry, of x on return.
    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, View<Scalar<D>, 3> d,
                  Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto dh = scratch(device, d.shape);
        fill(device, dh.flat(), 0);
        mlp_.backward(device, weights, saved.mlp, d, dh, gradients);
        norm2_.backward(device, weights, saved.norm2, dh, d, gradients);
        fill(device, dh.flat(), 0);
        attention_.backward(device, weights, saved.attention, d, dh, gradients);
        norm1_.backward(device, weights, saved.norm1, dh, d, gradients);
    }

    /// Shape of the keys (and of the values) in a cache for `batch` sequences of `time` tokens.
    static Shape<4> cache_shape(const Options& options, Index batch, Index time) {
        return SelfAttention::cache_shape(options.attention, batch, time);
    }

private:
    template <Device D, class Attend>
    void run(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
             Saved<Scalar<D>>& saved, Attend&& attend) const {
        const auto h1 = scratch(device, x.shape);
        norm1_.forward(device, weights, x, h1, saved.norm1);
        const auto middle = scratch(device, x.shape);
        attend(h1, middle);
        add(device, x.flat(), middle.flat(), middle.flat());
        const auto h2 = scratch(device, x.shape);
        norm2_.forward(device, weights, middle, h2, saved.norm2);
        mlp_.forward(device, weights, h2, y, saved.mlp);
        add(device, middle.flat(), y.flat(), y.flat());
    }

    Norm norm1_;
    SelfAttention attention_;
    Norm norm2_;
    Mlp mlp_;
};

}  // namespace lapidary
