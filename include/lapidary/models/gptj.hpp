#pragma once

#include <lapidary/models/huggingface.hpp>
#include <lapidary/nn/nn.hpp>

#include <cmath>

namespace lapidary {

using GptJBlock = ParallelBlock<LayerNorm, Attention<Rotary>, GeluMlp>;

/// GPT-J: both branches of a block start from its input behind one norm; rotary embeddings of neighbouring
/// elements; biases in the MLP and the head. Hyper-parameters under the names of the published config.json; the
/// defaults are GPT-J-6B's. Source: Wang and Komatsuzaki, 2021; kingoflolz/mesh-transformer-jax; transformers'
/// modeling_gptj.py.
struct GptJConfig {
    using Block = GptJBlock;
    using Model = Decoder<GptJBlock, GptJConfig>;
    static constexpr std::string_view family = "gptj";

    Index vocab_size = 50400;
    Index n_embd = 4096;
    Index n_inner = 0;  ///< 0: 4 n_embd
    Index n_layer = 28;
    Index n_head = 16;
    Index n_positions = 2048;
    Index rotary_dim = 64;
    double layer_norm_epsilon = 1e-5;
    Gelu activation_function = Gelu::tanh;
    bool tie_word_embeddings = false;

    static Presets<GptJConfig> presets() { return {{"6b", {}}}; }
    void fit(Index vocabulary, Index context) {
        vocab_size = vocabulary;
        n_positions = context;
    }

    [[nodiscard]] TrainingRecipe recipe() const {
        return {.beta2 = 0.999, .rules = {.decay_biases = false, .decay_norms = false}};
    }
    static bool reads(const Json& json) { return names_model_type(json, {"gptj"}); }

    template <class Fields>
    void fields(Fields& f) {
        f.written("architectures", {"GPTJForCausalLM"});
        f.constant("model_type", "gptj");
        f.integer("vocab_size", vocab_size, 1, detail::most_vocabulary);
        f.integer("n_embd", n_embd, 1, detail::most_width);
        f.nullable("n_inner", n_inner, 0, 1, detail::most_inner);
        f.integer("n_layer", n_layer, 1, detail::most_layers);
        f.integer("n_head", n_head, 1, detail::most_width);
        f.integer("n_positions", n_positions, 1, detail::most_context);
        f.integer("rotary_dim", rotary_dim, 2, detail::most_width);
        detail::epsilon_field(f, "layer_norm_epsilon", layer_norm_epsilon);
        f.choice("activation_function", activation_function,
                 {{"gelu_new", Gelu::tanh}, {"gelu_pytorch_tanh", Gelu::tanh}, {"gelu", Gelu::erf}});
        f.flag_or("tie_word_embeddings", tie_word_embeddings);
        f.constant("scale_attn_weights", true);
        f.written("attn_pdrop", 0.0);
        f.written("embd_pdrop", 0.0);
        f.written("resid_pdrop", 0.0);
        f.written("bos_token_id", 50256);
        f.written("eos_token_id", 50256);
        detail::divides_rule(f, "n_head", n_head, "n_embd", n_embd);
        detail::even_rule(f, "rotary_dim", rotary_dim);
        f.rule(rotary_dim <= head_size(), "rotary_dim", rotary_dim, "be at most n_embd / n_head");
    }

    [[nodiscard]] Index head_size() const { return n_embd / n_head; }
    [[nodiscard]] Index inner() const { return n_inner > 0 ? n_inner : 4 * n_embd; }

    operator DecoderOptions<Block::Options>() const {  // NOLINT: a config is what a model is made of
        check_config(*this);
        const double width = static_cast<double>(n_embd);
        const Initializer initial = Initializer::truncated_normal(1 / std::sqrt(width));
        const Initializer output =
            Initializer::truncated_normal(2 / (static_cast<double>(n_layer) * std::sqrt(width)));
        return {.embedding = {.vocabulary = vocab_size,
                              .width = n_embd,
                              .initial =
                                  Initializer::truncated_normal(1 / std::sqrt(static_cast<double>(vocab_size)))},
                .block = {.norm = {n_embd, layer_norm_epsilon},
                          .attention = {.width = n_embd,
                                        .heads = n_head,
                                        .kv_heads = n_head,
                                        .head_size = head_size(),
                                        .position = {rotary_dim, 10000.0, Pairing::interleaved},
                                        .initial = initial,
                                        .output_initial = output},
                          .mlp = {n_embd, inner(), activation_function, true, initial, output},
                          .shared_norm = true},
                .layers = n_layer,
                .context = n_positions,
                .head = {.tied = tie_word_embeddings, .bias = true, .initial = initial}};
    }

    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const {
        TensorList list;
        list.matrix("transformer.wte.weight", "embedding", vocab_size, n_embd);
        for (Index i = 0; i < n_layer; ++i) {
            const std::string there = "transformer.h." + std::to_string(i) + ".", here = block_name(i);
            list.norm(there + "ln_1", here + "norm1", n_embd, true);
            list.linear(there + "attn.q_proj", here + "attention.qkv", {{0, n_embd}}, n_embd, false);
            list.linear(there + "attn.k_proj", here + "attention.qkv", {{n_embd, n_embd}}, n_embd, false);
            list.linear(there + "attn.v_proj", here + "attention.qkv", {{2 * n_embd, n_embd}}, n_embd, false);
            list.linear(there + "attn.out_proj", here + "attention.output", n_embd, n_embd, false);
            list.linear(there + "mlp.fc_in", here + "mlp.up", inner(), n_embd, true);
            list.linear(there + "mlp.fc_out", here + "mlp.down", n_embd, inner(), true);
        }
        list.norm("transformer.ln_f", "norm", n_embd, true);
        list.head("lm_head", vocab_size, n_embd, tie_word_embeddings, true);
        return list.take();
    }
    static bool ignores(const std::string& name) {
        return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name == "lm_head.weight";
    }
};

using GptJ = GptJConfig::Model;

}  // namespace lapidary
