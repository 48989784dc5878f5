#pragma once

#include <lapidary/models/huggingface.hpp>
#include <lapidary/nn/nn.hpp>

#include <cmath>

namespace lapidary {

using MptBlock = SequentialBlock<LayerNorm, Attention<Alibi>, GeluMlp>;

/// MPT: linear biases for positions, no biases else, not in the norms either, tied head. Hyper-parameters under
/// the names of the published config.json, those of `attn_config` among them; the defaults are MPT-7B's. Source:
/// MosaicML, 2023; mosaicml/llm-foundry; transformers' modeling_mpt.py.
struct MptConfig {
    using Block = MptBlock;
    using Model = Decoder<MptBlock, MptConfig>;
    static constexpr std::string_view family = "mpt";

    Index vocab_size = 50432;
    Index d_model = 4096;
    Index n_layers = 32;
    Index n_heads = 32;
    Index expansion_ratio = 4;
    Index max_seq_len = 2048;
    double layer_norm_epsilon = 1e-5;
    double logit_scale = 0;  ///< multiplies logits; 0: nothing does
    Index alibi_bias_max = 8;
    double clip_qkv = 0;       ///< limit of queries, keys and values; 0: none
    double softmax_scale = 0;  ///< of the scores; 0: 1 / sqrt(d_model / n_heads)
    bool tie_word_embeddings = true;

    static Presets<MptConfig> presets() {
        MptConfig large;
        large.d_model = 7168;
        large.n_layers = 48;
        large.n_heads = 64;
        large.max_seq_len = 8192;
        MptConfig chat = large;
        chat.clip_qkv = 6;
        MptConfig story;
        story.max_seq_len = 65536;
        story.clip_qkv = 6;
        story.alibi_bias_max = 16;
        return {{"7b", {}}, {"30b", large}, {"30b-chat", chat}, {"7b-storywriter", story}};
    }
    void fit(Index vocabulary, Index context) {
        vocab_size = vocabulary;
        max_seq_len = context;
    }

    [[nodiscard]] TrainingRecipe recipe() const { return {.weight_decay = 0}; }
    static bool reads(const Json& json) { return names_model_type(json, {"mpt"}); }

    template <class Fields>
    void fields(Fields& f) {
        int norm = 0;
        f.written("architectures", {"MptForCausalLM"});
        f.constant("model_type", "mpt");
        f.integer("vocab_size", vocab_size, 1, detail::most_vocabulary);
        f.integer("d_model", d_model, 1, detail::most_width);
        f.integer("n_layers", n_layers, 1, detail::most_layers);
        f.integer("n_heads", n_heads, 1, detail::most_width);
        f.integer_or("expansion_ratio", expansion_ratio, 1, 64);
        f.integer("max_seq_len", max_seq_len, 1, detail::most_context);
        f.number_or("layer_norm_epsilon", layer_norm_epsilon);
        detail::epsilon_rule(f, "layer_norm_epsilon", layer_norm_epsilon);
        f.nullable("logit_scale", logit_scale, 0.0);
        f.flag_or("tie_word_embeddings", tie_word_embeddings);
        f.inside("attn_config", [&](auto& g) {
            g.constant("attn_type", "multihead_attention");
            g.constant("alibi", true);
            g.integer_or("alibi_bias_max", alibi_bias_max, 1, 1024);
            g.nullable("clip_qkv", clip_qkv, 0.0);
            g.nullable("softmax_scale", softmax_scale, 0.0);
            g.constant("prefix_lm", false);
            g.constant("qk_ln", false);
            g.constant("attn_uses_sequence_id", false);
            g.rule(clip_qkv >= 0, "clip_qkv", clip_qkv, "not be negative");
            g.rule(softmax_scale >= 0, "softmax_scale", softmax_scale, "not be negative");
        });
        f.constant("no_bias", true);
        f.choice("norm_type", norm, {{"low_precision_layernorm", 0}, {"layernorm", 0}});
        f.constant("embedding_fraction", 1.0);
        f.written("learned_pos_emb", true);  // means nothing beside ALiBi, and stands in every released file
        f.written("emb_pdrop", 0.0);
        f.written("resid_pdrop", 0.0);
        f.rule(logit_scale >= 0, "logit_scale", logit_scale, "not be negative");
        detail::divides_rule(f, "n_heads", n_heads, "d_model", d_model);
    }

    operator DecoderOptions<Block::Options>() const {  // NOLINT: a config is what a model is made of
        check_config(*this);
        const Index inner = expansion_ratio * d_model;
        const double depth = std::sqrt(2 * static_cast<double>(n_layers));
        const auto kaiming = [](Index inputs) { return std::sqrt(2 / static_cast<double>(inputs)); };
        const Initializer initial = Initializer::normal(kaiming(d_model));
        return {.embedding = {.vocabulary = vocab_size, .width = d_model, .initial = initial},
                .block = {.norm = {d_model, layer_norm_epsilon, false},
                          .attention = {.width = d_model,
                                        .heads = n_heads,
                                        .kv_heads = n_heads,
                                        .head_size = d_model / n_heads,
                                        .position = {static_cast<double>(alibi_bias_max)},
                                        .scale = softmax_scale,
                                        .clip = clip_qkv,
                                        .initial = initial,
                                        .output_initial = Initializer::normal(kaiming(d_model) / depth)},
                          .mlp = {d_model, inner, Gelu::erf, false, initial,
                                  Initializer::normal(kaiming(inner) / depth)}},
                .layers = n_layers,
                .context = max_seq_len,
                .head = {.tied = tie_word_embeddings,
                         .multiplier = logit_scale > 0 ? logit_scale : 1.0,
                         .initial = initial}};
    }

    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const {
        const Index inner = expansion_ratio * d_model;
        TensorList list;
        list.matrix("transformer.wte.weight", "embedding", vocab_size, d_model);
        for (Index i = 0; i < n_layers; ++i) {
            const std::string there = "transformer.blocks." + std::to_string(i) + ".", here = block_name(i);
            list.norm(there + "norm_1", here + "norm1", d_model, false);
            list.linear(there + "attn.Wqkv", here + "attention.qkv", 3 * d_model, d_model, false);
            list.linear(there + "attn.out_proj", here + "attention.output", d_model, d_model, false);
            list.norm(there + "norm_2", here + "norm2", d_model, false);
            list.linear(there + "ffn.up_proj", here + "mlp.up", inner, d_model, false);
            list.linear(there + "ffn.down_proj", here + "mlp.down", d_model, inner, false);
        }
        list.norm("transformer.norm_f", "norm", d_model, false);
        list.head("lm_head", vocab_size, d_model, tie_word_embeddings, false);
        return list.take();
    }
    static bool ignores(const std::string& name) { return name == "lm_head.weight"; }  // a copy
};

using Mpt = MptConfig::Model;

}  // namespace lapidary
