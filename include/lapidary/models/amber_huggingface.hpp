#pragma once

#include <lapidary/models/amber.hpp>
#include <lapidary/models/huggingface.hpp>

namespace lapidary {

/// AMBER and every LLaMA-shaped checkpoint: `model_type` "llama".
template <>
struct HuggingFaceFamily<Amber::Options> {
    static Json config(const Amber::Options& options) {
        const auto& attention = options.block.attention;
        return {{"architectures", {"LlamaForCausalLM"}},
                {"model_type", "llama"},
                {"vocab_size", options.embedding.vocabulary},
                {"hidden_size", options.embedding.width},
                {"intermediate_size", options.block.mlp.inner},
                {"num_hidden_layers", options.layers},
                {"num_attention_heads", attention.heads},
                {"num_key_value_heads", attention.kv_heads},
                {"head_dim", attention.head_size},
                {"max_position_embeddings", options.context},
                {"rms_norm_eps", options.block.norm.epsilon},
                {"rope_theta", attention.position.theta},
                {"hidden_act", "silu"},
                {"attention_bias", false},
                {"mlp_bias", false},
                {"attention_dropout", 0.0},
                {"initializer_range", options.embedding.deviation},
                {"tie_word_embeddings", options.tied},
                {"bos_token_id", 1},
                {"eos_token_id", 2},
                {"pad_token_id", options.embedding.frozen_row < 0 ? Json(nullptr) : Json(options.embedding.frozen_row)},
                {"torch_dtype", "float32"},
                {"use_cache", true}};
    }

    static AmberConfig parse(const Json& json, const std::string& where) {
        expect(json, "model_type", Json("llama"), where);
        for (const auto& [key, value] : {std::pair{"hidden_act", Json("silu")}, std::pair{"attention_bias", Json(false)},
                                         std::pair{"mlp_bias", Json(false)}, std::pair{"rope_scaling", Json(nullptr)}}) {
            if (json.contains(key)) expect(json, key, value, where);
        }
        AmberConfig config;
        config.vocab_size = get<Index>(json, "vocab_size", where);
        config.hidden_size = get<Index>(json, "hidden_size", where);
        config.intermediate_size = get<Index>(json, "intermediate_size", where);
        config.num_hidden_layers = get<Index>(json, "num_hidden_layers", where);
        config.num_attention_heads = get<Index>(json, "num_attention_heads", where);
        config.num_key_value_heads = get_or<Index>(json, "num_key_value_heads", config.num_attention_heads, where);
        config.max_position_embeddings = get<Index>(json, "max_position_embeddings", where);
        config.rms_norm_eps = get<double>(json, "rms_norm_eps", where);
        config.rope_theta = theta(json, where);
        config.initializer_range = get_or<double>(json, "initializer_range", 0.02, where);
        config.pad_token_id = get_or<Index>(json, "pad_token_id", -1, where);
        config.tie_word_embeddings = get_or<bool>(json, "tie_word_embeddings", false, where);
        try {
            config.validate();
        } catch (const Error& error) {
            throw Error(ErrorCode::format, "config", where + ": " + error.what());
        }
        const Index head_size = config.hidden_size / config.num_attention_heads;
        if (get_or<Index>(json, "head_dim", head_size, where) != head_size) {
            throw Error(ErrorCode::unsupported, "config",
                        where + ": 'head_dim' must be hidden_size / num_attention_heads = " + std::to_string(head_size));
        }
        return config;
    }

    static std::vector<HuggingFaceTensor> tensors(const Amber::Options& options) {
        const auto& a = options.block.attention;
        const Index width = options.embedding.width, inner = options.block.mlp.inner;
        const Index q = a.heads * a.head_size, kv = a.kv_heads * a.head_size;
        const std::vector<Index> table{options.embedding.vocabulary, width};
        std::vector<HuggingFaceTensor> result{{"model.embed_tokens.weight", "embedding", 0, table}};
        for (Index i = 0; i < options.layers; ++i) {
            const std::string there = "model.layers." + std::to_string(i) + ".", here = "blocks." + std::to_string(i) + ".";
            result.insert(result.end(),
                          {{there + "input_layernorm.weight", here + "norm1.gain", 0, {width}},
                           {there + "self_attn.q_proj.weight", here + "attention.qkv", 0, {q, width}},
                           {there + "self_attn.k_proj.weight", here + "attention.qkv", q, {kv, width}},
                           {there + "self_attn.v_proj.weight", here + "attention.qkv", q + kv, {kv, width}},
                           {there + "self_attn.o_proj.weight", here + "attention.output", 0, {width, q}},
                           {there + "post_attention_layernorm.weight", here + "norm2.gain", 0, {width}},
                           {there + "mlp.gate_proj.weight", here + "mlp.gate_up", 0, {inner, width}},
                           {there + "mlp.up_proj.weight", here + "mlp.gate_up", inner, {inner, width}},
                           {there + "mlp.down_proj.weight", here + "mlp.down", 0, {width, inner}}});
        }
        result.push_back({"model.norm.weight", "norm.gain", 0, {width}});
        if (!options.tied) result.push_back({"lm_head.weight", "head", 0, table});
        return result;
    }

    static bool ignored(const std::string& name) {
        return name.ends_with(".rotary_emb.inv_freq") || name == "lm_head.weight";  // the latter of tied models
    }

private:
    static void expect(const Json& json, const std::string& key, const Json& wanted, const std::string& where) {
        const Json got = get<Json>(json, key, where);
        if (got != wanted) {
            throw Error(ErrorCode::unsupported, "config",
                        where + ": '" + key + "' is " + got.dump() + ", supported is " + wanted.dump());
        }
    }

    // transformers 5 writes rope_parameters instead of rope_theta and rope_scaling.
    static double theta(const Json& json, const std::string& where) {
        if (!json.contains("rope_parameters") || json["rope_parameters"].is_null()) {
            return get_or<double>(json, "rope_theta", 10000.0, where);
        }
        const Json parameters = get<Json>(json, "rope_parameters", where);
        if (parameters.contains("rope_type")) expect(parameters, "rope_type", "default", where + ": 'rope_parameters'");
        return get<double>(parameters, "rope_theta", where + ": 'rope_parameters'");
    }
};

}  // namespace lapidary
