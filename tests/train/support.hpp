#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/data/batch.hpp>
#include <lapidary/models/amber.hpp>

namespace lapidary::test {

inline Batch random_batch(Index batch, Index context, Index vocabulary, std::uint64_t item) {
    Batch result;
    result.batch = batch;
    result.context = context;
    const Philox random(1, "batch", item);
    for (Index i = 0; i < batch * (context + 1); ++i) {
        result.tokens.push_back(static_cast<std::int32_t>(random.integer(static_cast<std::uint64_t>(i)) %
                                                          static_cast<std::uint64_t>(vocabulary)));
    }
    return result;
}

// Odd everywhere: no extent is a multiple of a tile, and T is above and no multiple of the accumulation block.
inline AmberConfig odd_config() {
    AmberConfig config = AmberConfig::nano();
    config.vocab_size = 101;
    config.hidden_size = 60;
    config.intermediate_size = 77;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 3;
    config.num_key_value_heads = 1;
    config.max_position_embeddings = 270;
    return config;
}

}  // namespace lapidary::test
