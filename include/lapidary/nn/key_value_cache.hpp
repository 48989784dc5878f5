#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/heads.hpp>

#include <concepts>

namespace lapidary {

/// Keys and values of the positions seen so far, for one layer: [B, Tmax, K, D] each.
template <class T>
struct KeyValueCache {
    Heads<T> keys;
    Heads<T> values;
};

template <class L, class D = detail::AnyDevice>
concept HasCachedForward = requires(
    const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
    KeyValueCache<Scalar<D>> cache, Index past) { layer.forward(device, weights, x, y, cache, past); };

template <class L>
concept HasCacheShape = requires(const typename L::Options& options, Index batch, Index time) {
    { L::cache_shape(options, batch, time) } -> std::same_as<Shape<4>>;
};

/// A layer that reads earlier tokens out of a cache, so that text is written token by token:
/// - `forward(device, weights, x, y, cache, past)`: as the layer's `forward` for tokens that follow `past`
///   others, to the same bits; reads keys and values of those from `cache`, appends the new ones, saves nothing;
/// - `L::cache_shape(options, batch, time)`: the shape of its keys (and of its values), [B, T, K, D].
template <class L>
concept CachedLayer = Layer<L> && HasCachedForward<L> && HasCacheShape<L>;

/// States, in sentences, what keeps a type from running on with a cache.
template <class L>
consteval bool check_cached() {
    static_assert(
        HasCachedForward<L>,
        "attention and blocks need forward(device, weights, x, y, cache, past) const, for tokens that follow "
        "`past` others whose keys and values are in a KeyValueCache");
    static_assert(
        HasCacheShape<L>,
        "attention and blocks need static Shape<4> cache_shape(const Options&, Index batch, Index time): the "
        "shape [B, T, K, D] of the keys that they cache");
    return true;
}

/// States, in sentences, what keeps a type from being attention in a block.
template <class L>
consteval bool check_cached_layer() {
    return check_layer<L>() && check_cached<L>();
}

}  // namespace lapidary
