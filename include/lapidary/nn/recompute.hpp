#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace lapidary {

/// What of its activations a block does not keep for its gradient, but computes again when it is asked for. Each
/// level keeps less than the one before, and computes more. None changes a bit.
enum class Recompute {
    nothing,  ///< all is kept but what an MLP's activation function makes
    norms,    ///< what norms make: costs no product
    mlp,      ///< and the MLP's first product
    qkv,      ///< and queries, keys and values
    block,    ///< all: the block's input alone is kept
};
inline constexpr std::array recompute_levels{Recompute::nothing, Recompute::norms, Recompute::mlp, Recompute::qkv,
                                             Recompute::block};
inline constexpr std::array<std::string_view, recompute_levels.size()> recompute_names{"nothing", "norms", "mlp",
                                                                                       "qkv", "block"};

inline std::string name_of(Recompute level) {
    return std::string(recompute_names[static_cast<std::size_t>(level)]);
}

/// Options of a layer or a block that has these levels, as `Recompute recompute`. At a level that is not its own
/// affair it keeps what it keeps at the level before. A layer at Recompute::block keeps its input `x` alone, and
/// its `backward` needs no other member of a `Saved` but `starts`, if there is one.
template <class Options>
concept TakesRecompute = requires(const Options& options) {
    { options.recompute } -> std::same_as<const Recompute&>;
};

/// The options with at least this level, where they have one.
template <class Options>
Options at_least(Options options, Recompute level) {
    if constexpr (TakesRecompute<Options>) options.recompute = std::max(options.recompute, level);
    return options;
}

}  // namespace lapidary
