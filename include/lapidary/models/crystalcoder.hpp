#pragma once

#include <lapidary/models/huggingface.hpp>
#include <lapidary/nn/nn.hpp>

#include <cmath>

namespace lapidary {

using CrystalCoderBlock = SequentialBlock<LayerNorm, Attention<Rotary>, SwiGlu>;

/// LLM360's CrystalCoder: layer norms, biases, rotary embeddings of neighbouring elements over a quarter of a
/// head, and the maximal update parametrisation (muP): scores divided by the head size, embeddings and logits
/// multiplied, initial deviations that shrink with the width. Hyper-parameters under the names of the published
/// config.json; the defaults are CrystalCoder's. The matching learning rates are in its recipe. Source:
/// LLM360/crystalcoder-train; Yang et al., "Tensor programs V", 2022.
struct CrystalCoderConfig {
    using Block = CrystalCoderBlock;
    using Model = Decoder<CrystalCoderBlock, CrystalCoderConfig>;
    static constexpr std::string_view family = "crystalcoder";

    Index vocab_size = 32032;
    Index n_embd = 4096;
    Index n_inner = 10922;
    Index n_layer = 32;
    Index n_head = 32;
    Index n_positions = 2048;
    Index rotary_dim = 32;
    double layer_norm_epsilon = 1e-5;
    double mup_width_scale = 0.0625;  ///< the width that constants were tuned at / n_embd
    double mup_embeddings_scale = 14.6;
    double mup_output_alpha = 2.22;
    bool mup_scale_qk_dot_by_d = true;
    double base_deviation = 0.073;  ///< of initial weights at the tuned width; not in the file
    bool tie_word_embeddings = true;

    static Presets<CrystalCoderConfig> presets() {
        return {{"7b", {}}, {"nano", at_width(128, 4, 4)}, {"tiny", at_width(256, 6, 4)}};
    }
    /// A model of another width for which the constants were tuned at width `base`: heads, MLP and muP follow.
    static CrystalCoderConfig at_width(Index width, Index layers, Index heads, Index base = 64) {
        CrystalCoderConfig config;
        config.n_embd = width;
        config.n_inner = 8 * width / 3;
        config.n_layer = layers;
        config.n_head = heads;
        config.rotary_dim = width / heads / 4 / 2 * 2;
        config.mup_width_scale = static_cast<double>(base) / static_cast<double>(width);
        return config;
    }
    void fit(Index vocabulary, Index context) {
        vocab_size = vocabulary;
        n_positions = context;
    }

    [[nodiscard]] TrainingRecipe recipe() const {
        return {0.9, 0.95, 1e-9, 0.1, Epsilon::before_correction, mup_rules(mup_width_scale), Decay::linear};
    }
    static bool reads(const Json& json) { return names_model_type(json, {"crystalcoder"}); }

    template <class Fields>
    void fields(Fields& f) {
        f.written("architectures", {"CrystalCoderLMHeadModel"});
        f.constant("model_type", "crystalcoder");
        f.integer("vocab_size", vocab_size, 1, detail::most_vocabulary);
        f.integer("n_embd", n_embd, 1, detail::most_width);
        f.integer("n_inner", n_inner, 1, detail::most_inner);
        f.integer("n_layer", n_layer, 1, detail::most_layers);
        f.integer("n_head", n_head, 1, detail::most_width);
        f.integer("n_positions", n_positions, 1, detail::most_context);
        f.integer("rotary_dim", rotary_dim, 2, detail::most_width);
        detail::epsilon_field(f, "layer_norm_epsilon", layer_norm_epsilon);
        // Their neutral defaults in the published class would silently give another model: they must be there.
        f.number("mup_width_scale", mup_width_scale);
        f.number("mup_embeddings_scale", mup_embeddings_scale);
        f.number("mup_output_alpha", mup_output_alpha);
        f.flag("mup_scale_qk_dot_by_d", mup_scale_qk_dot_by_d);
        f.flag_or("tie_word_embeddings", tie_word_embeddings);
        f.constant("activation_function", "swiglu");
        f.constant("position_embedding_type", "rotary");
        f.constant("scale_attn_weights", true);
        f.written("attn_pdrop", 0.0);
        f.written("embd_pdrop", 0.0);
        f.written("resid_pdrop", 0.0);
        f.written("bos_token_id", 1);
        f.written("eos_token_id", 2);
        for (const auto& [key, value] : {std::pair{"mup_width_scale", mup_width_scale},
                                         std::pair{"mup_embeddings_scale", mup_embeddings_scale},
                                         std::pair{"mup_output_alpha", mup_output_alpha}}) {
            f.rule(value > 0 && value <= 1e6, key, value, "be in (0, 1e6]");
        }
        detail::divides_rule(f, "n_head", n_head, "n_embd", n_embd);
        detail::even_rule(f, "rotary_dim", rotary_dim);
        f.rule(rotary_dim <= head_size(), "rotary_dim", rotary_dim, "be at most n_embd / n_head");
    }

    [[nodiscard]] Index head_size() const { return n_embd / n_head; }

    operator DecoderOptions<Block::Options>() const {  // NOLINT: a config is what a model is made of
        check_config(*this);
        const double deviation = base_deviation * std::sqrt(mup_width_scale);
        const Initializer initial = Initializer::truncated_normal(deviation);
        const Initializer output =
            Initializer::truncated_normal(deviation / std::sqrt(2 * static_cast<double>(n_layer)));
        const Initializer table = Initializer::truncated_normal(base_deviation);
        return {.embedding = {vocab_size, n_embd, -1, mup_embeddings_scale, table},
                .block = {.norm = {n_embd, layer_norm_epsilon},
                          .attention = {.width = n_embd,
                                        .heads = n_head,
                                        .kv_heads = n_head,
                                        .head_size = head_size(),
                                        .position = {rotary_dim, 10000.0, Pairing::interleaved},
                                        .scale = mup_scale_qk_dot_by_d ? 1 / static_cast<double>(head_size()) : 0,
                                        .qkv_bias = true,
                                        .output_bias = true,
                                        .initial = initial,
                                        .output_initial = output},
                          .mlp = {n_embd, n_inner, true, initial, output}},
                .layers = n_layer,
                .context = n_positions,
                .head = {tie_word_embeddings, false, mup_output_alpha * mup_width_scale, table}};
    }

    // The files have matrices as [in, out]; c_fc is what the gate multiplies, c_fc2 the gate.
    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const {
        TensorList list;
        list.matrix("transformer.wte.weight", "embedding", vocab_size, n_embd);
        for (Index i = 0; i < n_layer; ++i) {
            const std::string there = "transformer.h." + std::to_string(i) + ".", here = block_name(i);
            list.norm(there + "ln_1", here + "norm1", n_embd, true);
            list.linear(there + "attn.c_attn", here + "attention.qkv", 3 * n_embd, n_embd, true, true);
            list.linear(there + "attn.c_proj", here + "attention.output", n_embd, n_embd, true, true);
            list.norm(there + "ln_2", here + "norm2", n_embd, true);
            list.linear(there + "mlp.c_fc", here + "mlp.gate_up", {{n_inner, n_inner}}, n_embd, true, true);
            list.linear(there + "mlp.c_fc2", here + "mlp.gate_up", {{0, n_inner}}, n_embd, true, true);
            list.linear(there + "mlp.c_proj", here + "mlp.down", n_embd, n_inner, true, true);
        }
        list.norm("transformer.ln_f", "norm", n_embd, true);
        list.head("lm_head", vocab_size, n_embd, tie_word_embeddings, false);
        return list.take();
    }
    static bool ignores(const std::string& name) {
        return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name == "lm_head.weight";
    }
};

using CrystalCoder = CrystalCoderConfig::Model;

}  // namespace lapidary
