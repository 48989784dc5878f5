#pragma once

#include <lapidary/models/amber.hpp>

namespace lapidary {

/// Mistral: LLaMA with grouped queries and a sliding window, in which a token sees key j of query i if
/// i - j < sliding_window, as transformers has it. Hyper-parameters under the names of the published config.json;
/// the defaults are those of version 0.1. Source: Jiang et al., "Mistral 7B", 2023; transformers'
/// modeling_mistral.py.
struct MistralConfig : AmberConfig {
    using Model = Decoder<AmberBlock, MistralConfig>;
    static constexpr std::string_view family = "mistral";

    Index sliding_window = 4096;  ///< 0: a token sees all before it

    MistralConfig() {
        intermediate_size = 14336;
        num_key_value_heads = 8;
        max_position_embeddings = 32768;
        rms_norm_eps = 1e-5;
        pad_token_id = -1;
    }

    static Presets<MistralConfig> presets() {
        MistralConfig v02;
        v02.sliding_window = 0;
        v02.rope_theta = 1e6;
        MistralConfig v03 = v02;
        v03.vocab_size = 32768;
        return {{"7b", {}}, {"7b-v0.2", v02}, {"7b-v0.3", v03}};
    }

    static bool reads(const Json& json) { return names_model_type(json, {"mistral"}); }

    template <class Fields>
    void fields(Fields& f) {
        shared_fields(f, "mistral", "MistralForCausalLM");
        f.nullable("sliding_window", sliding_window, 0, 1, detail::most_context);
    }

    operator DecoderOptions<Block::Options>() const {  // NOLINT: a config is what a model is made of
        check_config(*this);
        auto options = static_cast<DecoderOptions<Block::Options>>(static_cast<const AmberConfig&>(*this));
        options.block.attention.window = sliding_window;
        return options;
    }
};

using Mistral = MistralConfig::Model;

}  // namespace lapidary
