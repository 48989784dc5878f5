#pragma once

#include <lapidary/models/neox.hpp>

namespace lapidary {

/// RedPajama-INCITE: GPT-NeoX with one branch after the other and rotary embeddings over the whole head.
/// Source: togethercomputer/RedPajama-INCITE model cards; transformers' modeling_gpt_neox.py.
struct RedPajamaConfig : NeoxLayout<SequentialBlock<LayerNorm, Attention<Rotary>, GeluMlp>> {
    using Model = Decoder<Block, RedPajamaConfig>;
    static constexpr std::string_view family = "redpajama";

    RedPajamaConfig() {
        vocab_size = 50432;
        hidden_size = 2560;
        intermediate_size = 10240;
        num_hidden_layers = num_attention_heads = 32;
        rotary_pct = 1.0;
    }

    static Presets<RedPajamaConfig> presets() {
        RedPajamaConfig large;
        large.hidden_size = 4096;
        large.intermediate_size = 16384;
        return {{"3b", {}}, {"7b", large}};
    }

    static bool reads(const Json& json) { return names_model_type(json, {"gpt_neox"}) && !is_parallel(json); }

    template <class Fields>
    void fields(Fields& f) {
        NeoxLayout::fields(f);
        f.constant("use_parallel_residual", false);
    }
};

using RedPajama = RedPajamaConfig::Model;

}  // namespace lapidary
