#pragma once

#include <lapidary/nn/key_value_cache.hpp>
#include <lapidary/nn/layer.hpp>

#include <concepts>

namespace lapidary {

template <class B, class D = detail::AnyDevice>
concept HasBackwardInPlace =
    requires(const B& block, D& device, Weights<Scalar<D>> weights,
             const typename B::template Saved<Scalar<D>>& saved, View<Scalar<D>, 3> d,
             Gradients<Accumulator<D>> gradients) { block.backward(device, weights, saved, d, gradients); };

template <class B>
concept NamesItsNorm = Layer<typename B::NormLayer> && requires(const typename B::Options& options) {
    { options.norm } -> std::convertible_to<const typename B::NormLayer::Options&>;
};

/// What `Decoder` stacks. A block is made and called like a layer (nn/layer.hpp) and runs on with a cache
/// (nn/key_value_cache.hpp), with two differences:
/// - `backward(device, weights, saved, d, gradients)` works in place: d is the gradient of y on entry, of
///   x on return, because the residual path hands most of it through;
/// - `B::NormLayer` and `Options::norm` say which norm the block uses; the decoder puts one more behind
///   the last block.
///
/// How the parts are wired is the block's own affair: `SequentialBlock` puts them one after the other, another
/// block may add up two branches, share a norm or have none inside. What a part computes (biases, grouped heads,
/// where tokens are) is said by the part's type and options. So a new architecture is a new part or a new wiring,
/// never a case here.
template <class B>
concept Block = HasOptions<B> && HasSaved<B> && RegistersParameters<B> && HasForward<B> && HasCachedForward<B> &&
                HasCacheShape<B> && HasBackwardInPlace<B> && NamesItsNorm<B>;

/// States, in sentences, what keeps a type from being a block.
template <class B>
consteval bool check_block() {
    static_assert(detail::check_forward<B>() && check_cached<B>());
    static_assert(
        HasBackwardInPlace<B>,
        "a block needs backward(device, weights, saved, d, gradients) const, which turns d, the gradient of y, "
        "into that of x");
    static_assert(
        NamesItsNorm<B>,
        "a block needs `NormLayer`, a layer, and `Options::norm`, its options: the decoder's last norm is one");
    return true;
}

}  // namespace lapidary
