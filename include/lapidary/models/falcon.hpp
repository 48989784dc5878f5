#pragma once

#include <lapidary/models/huggingface.hpp>
#include <lapidary/nn/nn.hpp>

namespace lapidary {

using FalconBlock = ParallelBlock<LayerNorm, Attention<Rotary>, GeluMlp>;

/// Falcon: both branches of a block start from its input, queries share one (7B) or a few (40B) keys and values,
/// no biases but in the norms, tied head. Hyper-parameters under the names of the published config.json; the
/// defaults are Falcon-7B's. Source: Almazrouei et al., "The Falcon series", 2023; transformers'
/// modeling_falcon.py.
struct FalconConfig {
    using Block = FalconBlock;
    using Model = Decoder<FalconBlock, FalconConfig>;
    static constexpr std::string_view family = "falcon";

    Index vocab_size = 65024;
    Index hidden_size = 4544;
    Index ffn_hidden_size = 0;  ///< 0: 4 hidden_size
    Index num_hidden_layers = 32;
    Index num_attention_heads = 71;
    Index num_kv_heads = 0;             ///< of the new architecture; 0: num_attention_heads
    Index num_ln_in_parallel_attn = 0;  ///< of the new architecture; 0: 2
    Index max_position_embeddings = 2048;
    bool multi_query = true;  ///< of the old architecture: one key and value for all queries
    bool new_decoder_architecture = false;
    double layer_norm_epsilon = 1e-5;
    double rope_theta = 10000.0;
    double initializer_range = 0.02;
    bool tie_word_embeddings = true;

    static Presets<FalconConfig> presets() {
        FalconConfig large;
        large.hidden_size = 8192;
        large.num_hidden_layers = 60;
        large.num_attention_heads = 128;
        large.num_kv_heads = 8;
        large.new_decoder_architecture = true;
        return {{"7b", {}}, {"40b", large}};
    }
    void fit(Index vocabulary, Index context) {
        vocab_size = vocabulary;
        max_position_embeddings = context;
    }

    [[nodiscard]] TrainingRecipe recipe() const { return {}; }
    // Files from before transformers knew the family say RefinedWebModel (7B) or RefinedWeb (40B).
    static bool reads(const Json& json) {
        return names_model_type(json, {"falcon", "RefinedWebModel", "RefinedWeb"});
    }

    template <class Fields>
    void fields(Fields& f) {
        int old_name = 0;
        f.written("architectures", {"FalconForCausalLM"});
        f.choice("model_type", old_name, {{"falcon", 0}, {"RefinedWebModel", 1}, {"RefinedWeb", 2}});
        f.defaults(new_decoder_architecture, old_name == 2);
        f.renamed("num_hidden_layers", "n_layer");
        f.renamed("num_attention_heads", "n_head");
        f.renamed("num_kv_heads", "n_head_kv");
        f.integer("vocab_size", vocab_size, 1, detail::most_vocabulary);
        f.integer("hidden_size", hidden_size, 1, detail::most_width);
        f.nullable("ffn_hidden_size", ffn_hidden_size, 0, 1, detail::most_inner);
        f.integer("num_hidden_layers", num_hidden_layers, 1, detail::most_layers);
        f.integer("num_attention_heads", num_attention_heads, 1, detail::most_width);
        f.nullable("num_kv_heads", num_kv_heads, 0, 1, detail::most_width);
        f.nullable("num_ln_in_parallel_attn", num_ln_in_parallel_attn, 0, 1, 2);
        f.integer_or("max_position_embeddings", max_position_embeddings, 1, detail::most_context);
        f.flag_or("multi_query", multi_query);
        f.flag_or("new_decoder_architecture", new_decoder_architecture);
        detail::epsilon_field(f, "layer_norm_epsilon", layer_norm_epsilon);
        detail::theta_field(f, "rope_theta", rope_theta);
        detail::deviation_field(f, "initializer_range", initializer_range);
        f.flag_or("tie_word_embeddings", tie_word_embeddings);
        f.constant("activation", "gelu");
        f.constant("alibi", false);
        f.constant("bias", false);
        f.constant("parallel_attn", true);
        f.written("attention_dropout", 0.0);
        f.written("hidden_dropout", 0.0);
        f.written("bos_token_id", 11);
        f.written("eos_token_id", 11);
        detail::divides_rule(f, "num_attention_heads", num_attention_heads, "hidden_size", hidden_size);
        detail::even_rule(f, "hidden_size / num_attention_heads", head_size());
        detail::divides_rule(f, "num_kv_heads", kv_heads(), "num_attention_heads", num_attention_heads);
    }

    [[nodiscard]] Index head_size() const { return hidden_size / num_attention_heads; }
    [[nodiscard]] Index inner() const { return ffn_hidden_size > 0 ? ffn_hidden_size : 4 * hidden_size; }
    [[nodiscard]] bool shared_norm() const { return !new_decoder_architecture || num_ln_in_parallel_attn == 1; }
    [[nodiscard]] Index kv_heads() const {
        if (!new_decoder_architecture) return multi_query ? 1 : num_attention_heads;
        return num_kv_heads > 0 ? num_kv_heads : num_attention_heads;
    }

    operator DecoderOptions<Block::Options>() const {  // NOLINT: a config is what a model is made of
        check_config(*this);
        const Initializer normal = Initializer::normal(initializer_range);
        return {.embedding = {.vocabulary = vocab_size, .width = hidden_size, .initial = normal},
                .block = {.norm = {hidden_size, layer_norm_epsilon},
                          .attention = {.width = hidden_size,
                                        .heads = num_attention_heads,
                                        .kv_heads = kv_heads(),
                                        .head_size = head_size(),
                                        .position = {head_size(), rope_theta},
                                        .initial = normal,
                                        .output_initial = normal},
                          .mlp = {hidden_size, inner(), Gelu::erf, false, normal, normal},
                          .shared_norm = shared_norm()},
                .layers = num_hidden_layers,
                .context = max_position_embeddings,
                .head = {.tied = tie_word_embeddings, .initial = normal}};
    }

    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const {
        TensorList list;
        list.matrix("transformer.word_embeddings.weight", "embedding", vocab_size, hidden_size);
        for (Index i = 0; i < num_hidden_layers; ++i) {
            const std::string there = "transformer.h." + std::to_string(i) + ".", here = block_name(i);
            list.norm(there + (shared_norm() ? "input_layernorm" : "ln_attn"), here + "norm1", hidden_size, true);
            if (!shared_norm()) list.norm(there + "ln_mlp", here + "norm2", hidden_size, true);
            list.linear(there + "self_attention.query_key_value", here + "attention.qkv",
                        rows_by_group(num_attention_heads, kv_heads(), head_size()), hidden_size, false);
            list.linear(there + "self_attention.dense", here + "attention.output", hidden_size, hidden_size,
                        false);
            list.linear(there + "mlp.dense_h_to_4h", here + "mlp.up", inner(), hidden_size, false);
            list.linear(there + "mlp.dense_4h_to_h", here + "mlp.down", hidden_size, inner(), false);
        }
        list.norm("transformer.ln_f", "norm", hidden_size, true);
        list.head("lm_head", vocab_size, hidden_size, tie_word_embeddings, false);
        return list.take();
    }
    static bool ignores(const std::string& name) { return name == "lm_head.weight"; }  // the copy of tied models
};

using Falcon = FalconConfig::Model;

}  // namespace lapidary
