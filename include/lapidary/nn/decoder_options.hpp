#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/embedding.hpp>
#include <lapidary/nn/lm_head.hpp>
#include <lapidary/nn/recompute.hpp>

namespace lapidary {

/// What a decoder is made of, besides the type of its blocks.
template <class BlockOptions>
struct DecoderOptions {
    Embedding::Options embedding{};
    BlockOptions block{};
    Index layers = 0;   ///< at most 4096
    Index context = 0;  ///< the longest sequence, in tokens
    LmHead::Options head{};
};

/// The options with at least this level of recomputation. Throws Error(value) naming an option that is out of its
/// range, or if blocks have no such levels.
template <class BlockOptions>
DecoderOptions<BlockOptions> check_decoder(DecoderOptions<BlockOptions> options, Recompute recompute) {
    detail::require_option(options.layers >= 0 && options.layers <= 4096, "decoder", "layers", options.layers,
                           "be in [0, 4096]");
    detail::require_extent("decoder", "context", options.context);
    if (!TakesRecompute<BlockOptions> && recompute != Recompute::nothing) {
        throw Error(ErrorCode::value, "decoder", "the options of its blocks have no `recompute`");
    }
    options.block = at_least(options.block, recompute);
    return options;
}

}  // namespace lapidary
