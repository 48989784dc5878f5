#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/attention.hpp>

#include <concepts>

namespace lapidary {

template <class P>
concept MadeFromOptions = HasOptions<P> && std::constructible_from<P, const typename P::Options&>;

template <class P, class D = detail::AnyDevice>
concept AppliesPositions = requires(const P& position, D& device, Heads<Scalar<D>> q, Heads<Scalar<D>> k,
                                    const Positions& positions) { position.apply(device, q, k, positions); };

template <class P>
concept AdjustsScores = requires(const P& position, const AttentionRule& rule) {
    { position.adjust(rule) } -> std::same_as<AttentionRule>;
};

template <class P, class D = detail::AnyDevice>
concept UndoesPositions = requires(const P& position, D& device, Heads<Scalar<D>> dq, Heads<Scalar<D>> dk,
                                   const Positions& positions) { position.gradient(device, dq, dk, positions); };

/// How attention learns where tokens are; it has no parameters. `Rotary` is one.
/// - `P(options)`: from its `Options`;
/// - `apply(device, q, k, positions)`: changes queries [B, T, H, D] and keys [B, T, K, D] in place, which stand at
///   these positions; a token's result depends on its own position alone, so that keys can be cached;
/// - `gradient(device, dq, dk, positions)`: turns the gradients of what `apply` made there into those of what it was
///   given, in place;
/// - `adjust(rule)`: the rule by which scores are formed, where positions change that (a bias by distance), else
///   `rule` as it is.
/// Learned positions are added to embeddings instead: with them, attention takes a scheme whose functions do
/// nothing.
template <class P>
concept PositionScheme = MadeFromOptions<P> && AppliesPositions<P> && UndoesPositions<P> && AdjustsScores<P>;

/// States, in sentences, what keeps a type from being a position scheme.
template <class P>
consteval bool check_position_scheme() {
    static_assert(MadeFromOptions<P>,
                  "a position scheme needs a nested aggregate `Options` and a constructor from it");
    static_assert(AppliesPositions<P>,
                  "a position scheme needs apply(device, q, k, positions) const, which changes q and k in place");
    static_assert(
        UndoesPositions<P>,
        "a position scheme needs gradient(device, dq, dk, positions) const, the gradient of apply, in place");
    static_assert(AdjustsScores<P>,
                  "a position scheme needs adjust(rule) const: the AttentionRule that scores follow");
    return true;
}

}  // namespace lapidary
