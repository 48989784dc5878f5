#pragma once

#include <lapidary/nn/nn.hpp>

namespace lapidary {

using AmberBlock = SequentialBlock<RmsNorm, Attention<Rotary>, SwiGlu>;

/// LLM360's AMBER: the LLaMA architecture, without biases, with an untied head, N(0, 0.02) everywhere and the unknown
/// token's embedding row frozen at zero.
using Amber = Decoder<AmberBlock>;

/// AMBER that keeps one vector per token and layer for the backward pass and computes the rest again.
using RecomputingAmber = Decoder<Recompute<AmberBlock>>;

/// Hyper-parameters under the names of the published config.json. The defaults are AMBER 7B's.
struct AmberConfig {
    Index vocab_size = 32000;
    Index hidden_size = 4096;
    Index intermediate_size = 11008;
    Index num_hidden_layers = 32;
    Index num_attention_heads = 32;
    Index num_key_value_heads = 32;
    Index max_position_embeddings = 2048;
    double rms_norm_eps = 1e-6;
    double rope_theta = 10000.0;
    double initializer_range = 0.02;
    Index pad_token_id = 0;  ///< the embedding row that stays zero; -1: none
    bool tie_word_embeddings = false;

    /// The released model: 6,738,415,616 parameters.
    static AmberConfig amber_7b() { return {}; }
    /// About 1M parameters with a vocabulary of 2048: trains in minutes on two cores.
    static AmberConfig nano() { return small(2048, 128, 344, 4, 4, 128); }
    /// About 15M parameters with the published vocabulary.
    static AmberConfig tiny() { return small(32000, 192, 512, 6, 6, 256); }
    /// Benchmark size S: 35M parameters.
    static AmberConfig bench_s() { return small(32000, 384, 1024, 6, 6, 256); }
    /// Benchmark size M: 134M parameters.
    static AmberConfig bench_m() { return small(32000, 768, 2048, 12, 12, 512); }

    /// Throws Error(value) naming the first rule that is broken.
    void validate() const {
        const auto require = [](bool holds, const char* rule) {
            if (!holds) throw Error(ErrorCode::value, "config", rule);
        };
        require(vocab_size >= 1 && vocab_size <= (Index{1} << 31) - 1, "vocab_size must be in [1, 2^31)");
        require(hidden_size >= 1 && hidden_size <= (1 << 20), "hidden_size must be in [1, 2^20]");
        require(intermediate_size >= 1 && intermediate_size <= (1 << 22), "intermediate_size must be in [1, 2^22]");
        require(num_hidden_layers >= 1 && num_hidden_layers <= 4096, "num_hidden_layers must be in [1, 4096]");
        require(num_attention_heads >= 1 && hidden_size % num_attention_heads == 0,
                "num_attention_heads must divide hidden_size");
        require(hidden_size / num_attention_heads % 2 == 0, "the head size must be even for rotary embeddings");
        require(num_key_value_heads >= 1 && num_attention_heads % num_key_value_heads == 0,
                "num_key_value_heads must divide num_attention_heads");
        require(max_position_embeddings >= 1 && max_position_embeddings <= (1 << 24),
                "max_position_embeddings must be in [1, 2^24]");
        require(rms_norm_eps > 0 && rms_norm_eps < 1, "rms_norm_eps must be in (0, 1)");
        require(rope_theta > 0, "rope_theta must be positive");
        require(initializer_range >= 0, "initializer_range must not be negative");
        require(pad_token_id >= -1 && pad_token_id < vocab_size, "pad_token_id must be -1 or a token id");
    }

    /// What the decoder is built from; with it, `Amber model{AmberConfig::tiny()}` works.
    operator DecoderOptions<AmberBlock::Options>() const {  // NOLINT: a config is what a model is made of
        validate();
        const Index head_size = hidden_size / num_attention_heads;
        return {.embedding = {vocab_size, hidden_size, pad_token_id, initializer_range},
                .block = {.norm = {hidden_size, rms_norm_eps},
                          .attention = {hidden_size, num_attention_heads, num_key_value_heads, head_size,
                                        {head_size, rope_theta}, initializer_range},
                          .mlp = {hidden_size, intermediate_size, initializer_range}},
                .layers = num_hidden_layers,
                .context = max_position_embeddings,
                .tied = tie_word_embeddings,
                .head_deviation = initializer_range};
    }

private:
    static AmberConfig small(Index vocabulary, Index width, Index inner, Index layers, Index heads, Index context) {
        AmberConfig config;
        config.vocab_size = vocabulary;
        config.hidden_size = width;
        config.intermediate_size = inner;
        config.num_hidden_layers = layers;
        config.num_attention_heads = config.num_key_value_heads = heads;
        config.max_position_embeddings = context;
        return config;
    }
};

}  // namespace lapidary
