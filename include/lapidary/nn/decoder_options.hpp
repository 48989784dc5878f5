#pragma once

#include <lapidary/nn/embedding.hpp>
#include <lapidary/nn/lm_head.hpp>

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

}  // namespace lapidary
