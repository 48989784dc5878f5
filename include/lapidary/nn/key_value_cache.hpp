#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/check.hpp>
#include <lapidary/ops/heads.hpp>

#include <algorithm>
#include <concepts>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace lapidary {

/// Keys and values of the positions seen so far, for one layer: [B, Tmax, K, D] each.
template <class T>
struct KeyValueCache {
    Heads<T> keys;
    Heads<T> values;

    /// The part of `count` sequences from `row` on, [count, Tmax, K, D] each. Throws Error(shape) if some of these
    /// rows are not there.
    [[nodiscard]] KeyValueCache sequences(Index row, Index count) const {
        return {keys.sequences(row, count), values.sequences(row, count)};
    }
};

/// A sequence that goes on: its row in a cache, and how many tokens of it are there.
struct CachedSequence {
    Index row = 0;
    Index past = 0;
};

/// Throws Error(shape) unless there is a cache for each layer, with room for `time` tokens.
template <class T>
void check_caches(std::string_view operation, std::span<const KeyValueCache<T>> caches, Index layers, Index time) {
    detail::require_shape(std::ssize(caches) == layers, operation, [&] {
        return std::to_string(caches.size()) + " caches for " + std::to_string(layers) + " layers";
    });
    for (const KeyValueCache<T>& cache : caches) {
        const Index room = std::min(cache.keys.time, cache.values.time);
        detail::require_shape(time <= room, operation, [&] {
            return "a cache for " + std::to_string(room) + " tokens, but there are " + std::to_string(time);
        });
    }
}

template <class L, class D = detail::AnyDevice>
concept HasCachedForward =
    requires(const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
             View<Scalar<D>, 3> y, KeyValueCache<Scalar<D>> cache, std::span<const CachedSequence> sequences) {
        layer.forward(device, weights, x, y, cache, sequences);
    };

template <class L>
concept HasCacheShape = requires(const typename L::Options& options, Index batch, Index time) {
    { L::cache_shape(options, batch, time) } -> std::same_as<Shape<4>>;
};

/// A layer that reads earlier tokens out of a cache, so that text is written token by token:
/// - `forward(device, weights, x, y, cache, sequences)`: as the layer's `forward` for tokens that follow others,
///   to the same bits: row i of x goes on with `sequences[i]`. Reads keys and values of earlier tokens from
///   `cache`, appends the new ones, saves nothing;
/// - `L::cache_shape(options, batch, time)`: the shape of its keys (and of its values), [B, T, K, D].
template <class L>
concept CachedLayer = Layer<L> && HasCachedForward<L> && HasCacheShape<L>;

/// States, in sentences, what keeps a type from running on with a cache.
template <class L>
consteval bool check_cached() {
    static_assert(
        HasCachedForward<L>,
        "attention and blocks need forward(device, weights, x, y, cache, sequences) const, for tokens that follow "
        "others whose keys and values are in a KeyValueCache");
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
