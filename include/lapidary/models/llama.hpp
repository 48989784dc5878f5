#pragma once

#include <lapidary/models/amber.hpp>

namespace lapidary {

using Llama = Amber;

/// The released sizes of LLaMA and OpenLLaMA; the architecture is AMBER's.
/// Source: Touvron et al., 2023 (LLaMA, Llama 2); openlm-research/open_llama.
struct LlamaConfig : AmberConfig {
    static constexpr std::string_view family = "llama";

    static Presets<AmberConfig> presets() {
        return {{"7b", size(4096, 32, 32, 11008)},
                {"13b", size(5120, 40, 40, 13824)},
                {"33b", size(6656, 60, 52, 17920)},
                {"65b", size(8192, 80, 64, 22016, 1e-5)},
                {"2-7b", size(4096, 32, 32, 11008, 1e-5, 4096)},
                {"2-13b", size(5120, 40, 40, 13824, 1e-5, 4096)},
                {"2-70b", size(8192, 80, 64, 28672, 1e-5, 4096, 8)},
                {"open-3b", size(3200, 26, 32, 8640)},
                {"open-7b", size(4096, 32, 32, 11008)},
                {"open-13b", size(5120, 40, 40, 13824)}};
    }

private:
    static AmberConfig size(Index width, Index layers, Index heads, Index inner, double epsilon = 1e-6,
                            Index context = 2048, Index kv_heads = 0) {
        AmberConfig config;
        config.hidden_size = width;
        config.num_hidden_layers = layers;
        config.num_attention_heads = heads;
        config.num_key_value_heads = kv_heads > 0 ? kv_heads : heads;
        config.intermediate_size = inner;
        config.rms_norm_eps = epsilon;
        config.max_position_embeddings = context;
        config.pad_token_id = -1;
        return config;
    }
};

}  // namespace lapidary
