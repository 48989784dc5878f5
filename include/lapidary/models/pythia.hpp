#pragma once

#include <lapidary/models/neox.hpp>

namespace lapidary {

/// GPT-NeoX-20B and Pythia: both branches of a block start from its input, each with a norm of its own.
/// Source: Biderman et al., "Pythia", 2023.
struct NeoxConfig : NeoxLayout<NeoxBlock> {
    using Model = Decoder<NeoxBlock, NeoxConfig>;
    static constexpr std::string_view family = "neox";

    static Presets<NeoxConfig> presets() {
        Presets<NeoxConfig> sizes = {{"pythia-14m", size(128, 6, 4)},
                                     {"pythia-31m", size(256, 6, 8)},
                                     {"pythia-70m", size(512, 6, 8)},
                                     {"pythia-160m", size(768, 12, 12)},
                                     {"pythia-410m", size(1024, 24, 16)},
                                     {"pythia-1b", size(2048, 16, 8)},
                                     {"pythia-1.4b", size(2048, 24, 16)},
                                     {"pythia-2.8b", size(2560, 32, 32)},
                                     {"pythia-6.9b", size(4096, 32, 32, 50432)},
                                     {"pythia-12b", size(5120, 36, 40, 50688)},
                                     {"20b", size(6144, 44, 64, 50432)}};
        sizes.back().second.hidden_act = Gelu::tanh;
        return sizes;
    }

    static bool reads(const Json& json) { return names_model_type(json, {"gpt_neox"}) && is_parallel(json); }

    template <class Fields>
    void fields(Fields& f) {
        NeoxLayout::fields(f);
        f.constant("use_parallel_residual", true);
    }

private:
    static NeoxConfig size(Index width, Index layers, Index heads, Index vocabulary = 50304) {
        NeoxConfig config;
        config.vocab_size = vocabulary;
        config.hidden_size = width;
        config.intermediate_size = 4 * width;
        config.num_hidden_layers = layers;
        config.num_attention_heads = heads;
        return config;
    }
};

using Neox = NeoxConfig::Model;
using Pythia = Neox;

}  // namespace lapidary
