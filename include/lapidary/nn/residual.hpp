#pragma once

#include <lapidary/nn/key_value_cache.hpp>
#include <lapidary/nn/layer.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/ops/elementwise.hpp>

#include <span>

namespace lapidary {

/// A layer that ends in a product can add it to the residual path in one operation:
/// `forward_add(device, weights, x, addend, y, saved)` makes addend + what `forward` makes of x. y may be x, but
/// not addend. `saved.x` is the only view of x that is kept, so that a block may let x go and, before it calls
/// `backward`, replace `saved.x` by the same elements elsewhere. A cached layer has the same with
/// `cache, sequences`. Blocks call `forward` and `add` where a layer has no `forward_add`.
template <class L, class D = detail::AnyDevice>
concept HasForwardAdd = requires(const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                                 View<Scalar<D>, 3> y, typename L::template Saved<Scalar<D>>& saved) {
    layer.forward_add(device, weights, x, x, y, saved);
    saved.x = x;
};

template <class L, class D = detail::AnyDevice>
concept HasCachedForwardAdd =
    requires(const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
             View<Scalar<D>, 3> y, KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) {
        layer.forward_add(device, weights, x, x, y, cache, sequences);
    };

namespace detail {

/// y = addend + layer(x), as the layer can. x, addend, y: [B, T, C].
template <class L, Device D>
void forward_add(const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                 ConstView<Scalar<D>, 3> addend, View<Scalar<D>, 3> y,
                 typename L::template Saved<Scalar<D>>& saved) {
    if constexpr (HasForwardAdd<L>) {
        layer.forward_add(device, weights, x, addend, y, saved);
    } else {
        layer.forward(device, weights, x, y, saved);
        add(device, addend.flat(), y.flat(), y.flat());
    }
}

/// The same for tokens that follow others in a cache.
template <class L, Device D>
void forward_add(const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                 ConstView<Scalar<D>, 3> addend, View<Scalar<D>, 3> y, KeyValueCache<Scalar<D>> cache,
                 std::span<const CachedSequence> sequences) {
    if constexpr (HasCachedForwardAdd<L>) {
        layer.forward_add(device, weights, x, addend, y, cache, sequences);
    } else {
        layer.forward(device, weights, x, y, cache, sequences);
        add(device, addend.flat(), y.flat(), y.flat());
    }
}

/// `saved` with what the layer was given. Where that was let go, it is what `norm` makes of `source`, computed
/// again in scratch.
template <class L, class Norm, Device D, class Saved>
Saved with_input(D& device, Weights<Scalar<D>> weights, const Norm& norm, ConstView<Scalar<D>, 3> source,
                 Saved saved) {
    if constexpr (HasForwardAdd<L>) {
        if (saved.x.data != nullptr) return saved;
        const auto x = scratch(device, source.shape);
        typename Norm::template Saved<Scalar<D>> unused;
        norm.forward(device, weights, source, x, unused);
        saved.x = x;
    }
    return saved;
}

/// Fills what a layer's `backward` needs of x, after a forward pass that kept nothing of the layer. One that takes
/// levels needs x alone; another runs forward again.
template <class L, Device D>
void save_again(const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                typename L::template Saved<Scalar<D>>& saved) {
    if constexpr (TakesRecompute<typename L::Options>) {
        saved.x = x;
    } else {
        layer.forward(device, weights, x, scratch(device, x.shape), saved);
    }
}

}  // namespace detail

}  // namespace lapidary
