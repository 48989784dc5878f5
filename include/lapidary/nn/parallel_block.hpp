#pragma once

#include <lapidary/nn/block.hpp>
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
    };

    /// Saves 3C elements a token, 2C with a shared norm, besides what its parts save, and keeps a view of its
    /// input.
    template <class T>
    struct Saved {
        typename Norm::template Saved<T> norm1;
        typename SelfAttention::template Saved<T> attention;
        typename Norm::template Saved<T> norm2;
        typename Mlp::template Saved<T> mlp;
    };

    ParallelBlock(ParameterLayout& layout, const std::string& name, const Options& options)
        : norm1_(layout, name + ".norm1", options.norm),
          attention_(layout, name + ".attention", options.attention),
          mlp_(layout, name + ".mlp", options.mlp) {
        if (!options.shared_norm) norm2_.emplace(layout, name + ".norm2", options.norm);
    }

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        run(device, weights, x, y, saved,
            [&](auto h, auto out) { attention_.forward(device, weights, h, out, saved.attention); });
    }

    /// As `forward` for tokens that follow others in a cache; saves nothing for a backward pass.
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) const {
        ScratchScope scope(device.scratch());
        Saved<Scalar<D>> unused;
        run(device, weights, x, y, unused,
            [&](auto h, auto out) { attention_.forward(device, weights, h, out, cache, sequences); });
    }

    /// d: the gradient of y on entry, of x on return.
    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, View<Scalar<D>, 3> d,
                  Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto dh1 = scratch(device, d.shape);
        fill(device, dh1.flat(), 0);
        auto dh2 = dh1;
        if (norm2_) {
            dh2 = scratch(device, d.shape);
            fill(device, dh2.flat(), 0);
        }
        mlp_.backward(device, weights, saved.mlp, d, dh2, gradients);
        attention_.backward(device, weights, saved.attention, d, dh1, gradients);
        if (norm2_) norm2_->backward(device, weights, saved.norm2, dh2, d, gradients);
        norm1_.backward(device, weights, saved.norm1, dh1, d, gradients);
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
        auto h2 = h1;
        if (norm2_) {
            h2 = scratch(device, x.shape);
            norm2_->forward(device, weights, x, h2, saved.norm2);
        }
        attend(h1, y);
        add(device, x.flat(), y.flat(), y.flat());
        const auto branch = scratch(device, x.shape);
        mlp_.forward(device, weights, h2, branch, saved.mlp);
        add(device, y.flat(), branch.flat(), y.flat());
    }

    Norm norm1_;
    SelfAttention attention_;
    std::optional<Norm> norm2_;
    Mlp mlp_;
};

}  // namespace lapidary
