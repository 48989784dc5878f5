#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/nn.hpp>

#include <string>
#include <string_view>

namespace lapidary {

using AmberBlock = SequentialBlock<RmsNorm, Attention<Rotary>, SwiGlu>;

/// LLM360's AMBER: the LLaMA architecture, without biases, with an untied head, N(0, 0.02) everywhere and the
/// unknown token's embedding row frozen at zero.
using Amber = Decoder<AmberBlock>;

/// AMBER that keeps one vector per token and layer for the backward pass and computes the rest again.
using RecomputingAmber = Decoder<Recompute<AmberBlock>>;

/// Hyper-parameters under the names of the published config.json. The defaults are AMBER 7B's. The smaller presets
/// take the vocabulary and the context of the data they are for.
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
    Index pad_token_id = 0;  ///< the embedding row that stays zero, also where the head shares it; -1: none
    bool tie_word_embeddings = false;

    /// The released model: 6,738,415,616 parameters.
    static AmberConfig amber_7b() { return {}; }
    /// About 1M parameters with a vocabulary of 2048: trains in minutes on two cores.
    static AmberConfig nano(Index vocabulary = 2048, Index context = 128) {
        return small(vocabulary, context, 128, 344, 4, 4);
    }
    /// About 15M parameters with the published vocabulary.
    static AmberConfig tiny(Index vocabulary = 32000, Index context = 256) {
        return small(vocabulary, context, 192, 512, 6, 6);
    }
    /// Benchmark size S: 35M parameters.
    static AmberConfig bench_s(Index vocabulary = 32000, Index context = 256) {
        return small(vocabulary, context, 384, 1024, 6, 6);
    }
    /// Benchmark size M: 134M parameters.
    static AmberConfig bench_m(Index vocabulary = 32000, Index context = 512) {
        return small(vocabulary, context, 768, 2048, 12, 12);
    }

    /// Throws Error(value) naming the first field that is out of its range, and its value.
    void validate() const {
        const auto within = [](std::string_view field, Index value, Index most, std::string_view rule) {
            detail::require_option(value >= 1 && value <= most, "config", field, value, rule);
        };
        const auto divides = [](std::string_view field, Index value, std::string_view whole, Index size) {
            detail::require_option(value >= 1 && size % value == 0, "config", field, value,
                                   "divide " + std::string(whole) + ", " + std::to_string(size));
        };
        within("vocab_size", vocab_size, detail::largest_extent, "be in [1, 2^30]");
        within("hidden_size", hidden_size, 1 << 20, "be in [1, 2^20]");
        within("intermediate_size", intermediate_size, 1 << 22, "be in [1, 2^22]");
        within("num_hidden_layers", num_hidden_layers, 4096, "be in [1, 4096]");
        within("max_position_embeddings", max_position_embeddings, 1 << 24, "be in [1, 2^24]");
        divides("num_attention_heads", num_attention_heads, "hidden_size", hidden_size);
        divides("num_key_value_heads", num_key_value_heads, "num_attention_heads", num_attention_heads);
        const Index head_size = hidden_size / num_attention_heads;
        detail::require_option(head_size % 2 == 0, "config", "hidden_size / num_attention_heads", head_size,
                               "be even for rotary embeddings");
        detail::require_epsilon("config", "rms_norm_eps", rms_norm_eps);
        detail::require_theta("config", "rope_theta", rope_theta);
        detail::require_deviation("config", "initializer_range", initializer_range);
        detail::require_option(pad_token_id >= -1 && pad_token_id < vocab_size, "config", "pad_token_id",
                               pad_token_id, "be -1 or a token id");
    }

    /// What the decoder is built from; with it, `Amber model{AmberConfig::tiny()}` works. Validates.
    operator DecoderOptions<AmberBlock::Options>() const {  // NOLINT: a config is what a model is made of
        validate();
        const Index head_size = hidden_size / num_attention_heads;
        return {.embedding = {vocab_size, hidden_size, pad_token_id, initializer_range},
                .block = {.norm = {hidden_size, rms_norm_eps},
                          .attention = {hidden_size,
                                        num_attention_heads,
                                        num_key_value_heads,
                                        head_size,
                                        {head_size, rope_theta},
                                        initializer_range},
                          .mlp = {hidden_size, intermediate_size, initializer_range}},
                .layers = num_hidden_layers,
                .context = max_position_embeddings,
                .tied = tie_word_embeddings,
                .head_deviation = initializer_range};
    }

private:
    static AmberConfig small(Index vocabulary, Index context, Index width, Index inner, Index layers,
                             Index heads) {
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
