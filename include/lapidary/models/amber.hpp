#pragma once

#include <lapidary/models/huggingface.hpp>
#include <lapidary/nn/nn.hpp>

namespace lapidary {

using AmberBlock = SequentialBlock<RmsNorm, Attention<Rotary>, SwiGlu>;

/// The LLaMA architecture: no biases, rotary embeddings over the whole head, N(0, 0.02) everywhere.
/// Hyper-parameters under the names of the published config.json; the defaults are AMBER 7B's, whose unknown
/// token's embedding row is frozen at zero. The smaller presets take the vocabulary and the context of the data
/// they are for.
struct AmberConfig {
    using Block = AmberBlock;
    using Model = Decoder<AmberBlock, AmberConfig>;
    static constexpr std::string_view family = "amber";

    Index vocab_size = 32000;
    Index hidden_size = 4096;
    Index intermediate_size = 11008;
    Index num_hidden_layers = 32;
    Index num_attention_heads = 32;
    Index num_key_value_heads = 32;
    Index head_dim = 0;  ///< 0: hidden_size / num_attention_heads
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
        return {vocabulary, 128, 344, 4, 4, 4, 0, context};
    }
    /// About 15M parameters with the published vocabulary.
    static AmberConfig tiny(Index vocabulary = 32000, Index context = 256) {
        return {vocabulary, 192, 512, 6, 6, 6, 0, context};
    }
    /// Benchmark size S: 35M parameters.
    static AmberConfig bench_s(Index vocabulary = 32000, Index context = 256) {
        return {vocabulary, 384, 1024, 6, 6, 6, 0, context};
    }
    /// Benchmark size M: 134M parameters.
    static AmberConfig bench_m(Index vocabulary = 32000, Index context = 512) {
        return {vocabulary, 768, 2048, 12, 12, 12, 0, context};
    }
    static Presets<AmberConfig> presets() {
        return {{"7b", {}}, {"nano", nano()}, {"tiny", tiny()}, {"s", bench_s()}, {"m", bench_m()}};
    }
    void fit(Index vocabulary, Index context) {
        vocab_size = vocabulary;
        max_position_embeddings = context;
    }

    [[nodiscard]] TrainingRecipe recipe() const { return {}; }
    static bool reads(const Json& json) { return names_model_type(json, {"llama"}); }
    template <class Fields>
    void fields(Fields& f) {
        shared_fields(f, "llama", "LlamaForCausalLM");
    }
    /// The keys that Mistral has too.
    template <class Fields>
    void shared_fields(Fields& f, const std::string& model_type, const std::string& architecture) {
        f.written("architectures", {architecture});
        f.constant("model_type", model_type);
        f.integer("vocab_size", vocab_size, 1, detail::most_vocabulary);
        f.integer("hidden_size", hidden_size, 1, detail::most_width);
        f.integer("intermediate_size", intermediate_size, 1, detail::most_inner);
        f.integer("num_hidden_layers", num_hidden_layers, 1, detail::most_layers);
        f.integer("num_attention_heads", num_attention_heads, 1, detail::most_width);
        f.defaults(num_key_value_heads, num_attention_heads);
        f.integer_or("num_key_value_heads", num_key_value_heads, 1, detail::most_width);
        f.nullable("head_dim", head_dim, 0, 1, detail::most_width);
        f.integer("max_position_embeddings", max_position_embeddings, 1, detail::most_context);
        detail::epsilon_field(f, "rms_norm_eps", rms_norm_eps);
        detail::theta_field(f, "rope_theta", rope_theta);
        detail::deviation_field(f, "initializer_range", initializer_range);
        f.nullable("pad_token_id", pad_token_id, -1, 0, detail::most_vocabulary);
        f.flag_or("tie_word_embeddings", tie_word_embeddings);
        f.constant("hidden_act", "silu");
        f.constant("attention_bias", false);
        f.constant("mlp_bias", false);
        f.written("attention_dropout", 0.0);
        f.written("bos_token_id", 1);
        f.written("eos_token_id", 2);
        f.rule(head_dim > 0 || hidden_size % num_attention_heads == 0, "num_attention_heads", num_attention_heads,
               "divide hidden_size, " + std::to_string(hidden_size));
        detail::divides_rule(f, "num_key_value_heads", num_key_value_heads, "num_attention_heads",
                             num_attention_heads);
        detail::even_rule(f, head_dim == 0 ? "hidden_size / num_attention_heads" : "head_dim", head_size());
        f.rule(pad_token_id < vocab_size, "pad_token_id", pad_token_id, "be -1 or a token id");
    }

    [[nodiscard]] Index head_size() const { return head_dim > 0 ? head_dim : hidden_size / num_attention_heads; }

    /// What the decoder is built from; with it, `Amber model{AmberConfig::tiny()}` works. Throws Error(value).
    operator DecoderOptions<Block::Options>() const {  // NOLINT: a config is what a model is made of
        check_config(*this);
        const Initializer normal = Initializer::normal(initializer_range);
        return {.embedding = {vocab_size, hidden_size, pad_token_id, 1.0, normal},
                .block = {.norm = {hidden_size, rms_norm_eps},
                          .attention = {.width = hidden_size,
                                        .heads = num_attention_heads,
                                        .kv_heads = num_key_value_heads,
                                        .head_size = head_size(),
                                        .position = {head_size(), rope_theta},
                                        .initial = normal,
                                        .output_initial = normal},
                          .mlp = {hidden_size, intermediate_size, false, normal, normal}},
                .layers = num_hidden_layers,
                .context = max_position_embeddings,
                .head = {.tied = tie_word_embeddings, .initial = normal}};
    }

    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const {
        const Index width = hidden_size, inner = intermediate_size;
        const Index q = num_attention_heads * head_size(), kv = num_key_value_heads * head_size();
        TensorList list;
        list.matrix("model.embed_tokens.weight", "embedding", vocab_size, width);
        for (Index i = 0; i < num_hidden_layers; ++i) {
            const std::string there = "model.layers." + std::to_string(i) + ".", here = block_name(i);
            list.norm(there + "input_layernorm", here + "norm1", width, false);
            list.linear(there + "self_attn.q_proj", here + "attention.qkv", {{0, q}}, width, false);
            list.linear(there + "self_attn.k_proj", here + "attention.qkv", {{q, kv}}, width, false);
            list.linear(there + "self_attn.v_proj", here + "attention.qkv", {{q + kv, kv}}, width, false);
            list.linear(there + "self_attn.o_proj", here + "attention.output", width, q, false);
            list.norm(there + "post_attention_layernorm", here + "norm2", width, false);
            list.linear(there + "mlp.gate_proj", here + "mlp.gate_up", {{0, inner}}, width, false);
            list.linear(there + "mlp.up_proj", here + "mlp.gate_up", {{inner, inner}}, width, false);
            list.linear(there + "mlp.down_proj", here + "mlp.down", width, inner, false);
        }
        list.norm("model.norm", "norm", width, false);
        list.head("lm_head", vocab_size, width, tie_word_embeddings, false);
        return list.take();
    }
    static bool ignores(const std::string& name) {
        return name.ends_with(".rotary_emb.inv_freq") || name == "lm_head.weight";  // the latter of tied models
    }
};

/// LLM360's AMBER, and every checkpoint of the LLaMA architecture.
using Amber = Decoder<AmberBlock, AmberConfig>;

}  // namespace lapidary
