#pragma once

#include <lapidary/models/huggingface.hpp>
#include <lapidary/nn/nn.hpp>

#include <cmath>

namespace lapidary {

using NeoxBlock = ParallelBlock<LayerNorm, Attention<Rotary>, GeluMlp>;

/// The GPT-NeoX architecture: layer norms, biases everywhere but in the head, rotary embeddings over the first
/// `rotary_pct` of a head; `BlockType` wires the branches. Hyper-parameters under the names of the published
/// config.json; initial weights as GPT-NeoX-20B and the Pythia models up to 2.8B had them, whatever
/// `initializer_range` says. Source: Black et al., "GPT-NeoX-20B", 2022; transformers' modeling_gpt_neox.py;
/// gpt-neox's init_functions.py.
template <class BlockType>
struct NeoxLayout {
    using Block = BlockType;

    Index vocab_size = 50304;
    Index hidden_size = 512;
    Index intermediate_size = 2048;
    Index num_hidden_layers = 6;
    Index num_attention_heads = 8;
    Index max_position_embeddings = 2048;
    double layer_norm_eps = 1e-5;
    double rotary_pct = 0.25;
    double rotary_emb_base = 10000.0;
    Gelu hidden_act =
        Gelu::erf;  ///< Pythia was trained with tanh and is published, and run by transformers, with erf
    double initializer_range = 0.02;
    bool tie_word_embeddings = false;

    void fit(Index vocabulary, Index context) {
        vocab_size = vocabulary;
        max_position_embeddings = context;
    }

    [[nodiscard]] TrainingRecipe recipe() const {
        return {.rules = {.decay_biases = false, .decay_norms = false}};
    }
    static bool is_parallel(const Json& json) {
        return get_or<bool>(json, "use_parallel_residual", true, "config");
    }

    template <class Fields>
    void fields(Fields& f) {
        f.written("architectures", {"GPTNeoXForCausalLM"});
        f.constant("model_type", "gpt_neox");
        f.integer("vocab_size", vocab_size, 1, detail::most_vocabulary);
        f.integer("hidden_size", hidden_size, 1, detail::most_width);
        f.integer("intermediate_size", intermediate_size, 1, detail::most_inner);
        f.integer("num_hidden_layers", num_hidden_layers, 1, detail::most_layers);
        f.integer("num_attention_heads", num_attention_heads, 1, detail::most_width);
        f.integer("max_position_embeddings", max_position_embeddings, 1, detail::most_context);
        detail::epsilon_field(f, "layer_norm_eps", layer_norm_eps);
        f.renamed("rotary_pct", "partial_rotary_factor");
        f.renamed("rotary_emb_base", "rope_theta");
        f.number_or("rotary_pct", rotary_pct);
        detail::theta_field(f, "rotary_emb_base", rotary_emb_base);
        f.inside("rope_parameters", [&](auto& g) { g.number_or("partial_rotary_factor", rotary_pct); });
        f.choice("hidden_act", hidden_act,
                 {{"gelu", Gelu::erf},
                  {"gelu_fast", Gelu::tanh},
                  {"gelu_new", Gelu::tanh},
                  {"gelu_pytorch_tanh", Gelu::tanh}});
        detail::deviation_field(f, "initializer_range", initializer_range);
        f.flag_or("tie_word_embeddings", tie_word_embeddings);
        f.constant("attention_bias", true);
        f.written("attention_dropout", 0.0);
        f.written("hidden_dropout", 0.0);
        f.written("bos_token_id", 0);
        f.written("eos_token_id", 0);
        detail::divides_rule(f, "num_attention_heads", num_attention_heads, "hidden_size", hidden_size);
        f.rule(rotary_pct > 0 && rotary_pct <= 1, "rotary_pct", rotary_pct, "be in (0, 1]");
        detail::even_rule(f, "rotary_pct * hidden_size / num_attention_heads", rotary_size());
    }

    [[nodiscard]] Index head_size() const { return hidden_size / num_attention_heads; }
    [[nodiscard]] Index rotary_size() const {
        return static_cast<Index>(static_cast<double>(head_size()) * rotary_pct);
    }

    operator DecoderOptions<typename Block::Options>() const {  // NOLINT: a config is what a model is made of
        const double width = static_cast<double>(hidden_size);
        const Initializer initial = Initializer::normal(std::sqrt(2 / (5 * width)));
        const Initializer output =
            Initializer::normal(2 / (static_cast<double>(num_hidden_layers) * std::sqrt(width)));
        return {.embedding = {.vocabulary = vocab_size, .width = hidden_size, .initial = initial},
                .block = {.norm = {hidden_size, layer_norm_eps},
                          .attention = {.width = hidden_size,
                                        .heads = num_attention_heads,
                                        .kv_heads = num_attention_heads,
                                        .head_size = head_size(),
                                        .position = {rotary_size(), rotary_emb_base},
                                        .qkv_bias = true,
                                        .output_bias = true,
                                        .initial = initial,
                                        .output_initial = output},
                          .mlp = {.width = hidden_size,
                                  .inner = intermediate_size,
                                  .form = hidden_act,
                                  .bias = true,
                                  .initial = initial,
                                  .output_initial = output}},
                .layers = num_hidden_layers,
                .context = max_position_embeddings,
                .head = {.tied = tie_word_embeddings, .initial = initial}};
    }

    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const {
        const auto qkv = rows_by_group(num_attention_heads, num_attention_heads, head_size());
        TensorList list;
        list.matrix("gpt_neox.embed_in.weight", "embedding", vocab_size, hidden_size);
        for (Index i = 0; i < num_hidden_layers; ++i) {
            const std::string there = "gpt_neox.layers." + std::to_string(i) + ".", here = block_name(i);
            list.norm(there + "input_layernorm", here + "norm1", hidden_size, true);
            list.norm(there + "post_attention_layernorm", here + "norm2", hidden_size, true);
            list.linear(there + "attention.query_key_value", here + "attention.qkv", qkv, hidden_size, true);
            list.linear(there + "attention.dense", here + "attention.output", hidden_size, hidden_size, true);
            list.linear(there + "mlp.dense_h_to_4h", here + "mlp.up", intermediate_size, hidden_size, true);
            list.linear(there + "mlp.dense_4h_to_h", here + "mlp.down", hidden_size, intermediate_size, true);
        }
        list.norm("gpt_neox.final_layer_norm", "norm", hidden_size, true);
        list.head("embed_out", vocab_size, hidden_size, tie_word_embeddings, false);
        return list.take();
    }
    static bool ignores(const std::string& name) {
        return name.ends_with(".attention.bias") || name.ends_with(".attention.masked_bias") ||
               name.ends_with(".rotary_emb.inv_freq") || name == "embed_out.weight";  // the latter of tied models
    }
};

}  // namespace lapidary
