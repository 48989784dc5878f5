// What the families' config.json may not say, and how they are told.

#include "catch.hpp"
#include "models/golden.hpp"

using namespace lapidary;
using namespace lapidary::test;

namespace {

const char* const names[] = {"llama_odd",  "mistral", "pythia", "redpajama",   "falcon_7b",
                             "falcon_40b", "gptj",    "mpt",    "crystalcoder"};

/// The message with which a config is refused; empty if a model can be made of it.
std::string refusal(const Json& json) {
    try {
        visit_config(json, "DIR/config.json", [](const auto& config) {
            const DecoderOptions<typename std::decay_t<decltype(config)>::Block::Options> options = config;
            if (options.layers <= 8) (void)typename std::decay_t<decltype(config)>::Model(config);
        });
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("every size is checked: missing, negative, zero, huge, or no number") {
    for (const char* const name : names) {
        const Json good = read_json(golden(name) / "config.json");
        REQUIRE(refusal(good).empty());
        int sizes = 0;
        for (const auto& [key, value] : good.items()) {
            if (!value.is_number_integer() || key.ends_with("token_id") || key == "num_kv_heads" ||
                key == "pretraining_tp" || key == "num_ln_in_parallel_attn") {
                continue;
            }
            ++sizes;
            for (const Json& bad :
                 {Json(-4), Json(0), Json(std::int64_t{1} << 62), Json(1e300), Json("4"), Json(true)}) {
                Json json = good;
                json[key] = bad;
                INFO(name << ": " << key << " = " << bad.dump());
                // Nothing is taken from keys that transformers alone reads; the others are named, with their file.
                CHECK_THAT(refusal(json), ContainsSubstring("DIR/config.json") && ContainsSubstring(key));
            }
        }
        INFO(name);
        CHECK(sizes >= 5);
    }
}

TEST_CASE("values that a family cannot have are named with what it can have") {
    struct Case {
        const char *name, *key;
        Json value;
        const char* says;
    };
    const Case cases[] = {
        {"llama_odd", "hidden_act", "gelu", "'hidden_act' is \"gelu\", supported is \"silu\""},
        {"llama_odd", "attention_bias", true, "'attention_bias' is true"},
        {"llama_odd", "rope_scaling", {{"type", "linear"}, {"factor", 2.0}}, "'rope_scaling' is"},
        {"llama_odd", "rms_norm_eps", 0, "'rms_norm_eps' is 0: it must be in (0, 1)"},
        {"llama_odd", "num_key_value_heads", 3,
         "'num_key_value_heads' is 3: it must divide num_attention_heads, 5"},
        {"llama_odd", "head_dim", 7, "'head_dim' is 7: it must be even"},
        {"llama_odd", "pad_token_id", 61, "'pad_token_id' is 61"},
        {"mistral", "sliding_window", -1, "'sliding_window' is -1"},
        {"pythia", "attention_bias", false, "'attention_bias' is false, supported is true"},
        {"pythia", "hidden_act", "relu", "supported is 'gelu', 'gelu_fast'"},
        {"pythia", "num_attention_heads", 3, "'num_attention_heads' is 3: it must divide hidden_size, 100"},
        {"falcon_7b", "alibi", true, "'alibi' is true, supported is false"},
        {"falcon_7b", "parallel_attn", false, "'parallel_attn' is false"},
        {"falcon_40b", "num_kv_heads", 4, "'num_kv_heads' is 4: it must divide num_attention_heads, 6"},
        {"gptj", "rotary_dim", 10, "'rotary_dim' is 10: it must be at most n_embd / n_head"},
        {"gptj", "rotary_dim", 3, "'rotary_dim' is 3: it must be even"},
        {"gptj", "scale_attn_weights", false, "'scale_attn_weights' is false"},
        {"mpt", "no_bias", false, "'no_bias' is false"},
        {"mpt", "attn_config", {{"qk_ln", true}}, "'attn_config': 'qk_ln' is true, supported is false"},
        {"mpt", "attn_config", {{"clip_qkv", -1}}, "'clip_qkv' is -1: it must not be negative"},
        {"mpt", "attn_config", "none", "'attn_config': is no JSON object"},
        {"crystalcoder", "mup_width_scale", nullptr, "'mup_width_scale'"},
        {"crystalcoder", "mup_output_alpha", -2.22, "'mup_output_alpha' is -2.22: it must be in (0, 1e6]"},
        {"crystalcoder", "activation_function", "gelu", "supported is \"swiglu\""},
    };
    for (const Case& c : cases) {
        Json json = read_json(golden(c.name) / "config.json");
        json[c.key] = c.value;
        INFO(c.name << ": " << c.key << " = " << c.value.dump());
        CHECK_THAT(refusal(json), ContainsSubstring("DIR/config.json") && ContainsSubstring(c.says));
    }
    CHECK_THAT(refusal(Json::array()), ContainsSubstring("DIR/config.json"));
    // muP's keys have neutral defaults elsewhere, which would silently give another model.
    for (const std::string key :
         {"mup_width_scale", "mup_embeddings_scale", "mup_output_alpha", "mup_scale_qk_dot_by_d"}) {
        Json json = read_json(golden("crystalcoder") / "config.json");
        json.erase(key);
        CHECK_THAT(refusal(json), ContainsSubstring("'" + key + "' is missing"));
    }
}

TEST_CASE("names of older files are understood") {
    Json json = read_json(golden("falcon_40b") / "config.json");
    for (const auto& [now, before] :
         {std::pair{"num_hidden_layers", "n_layer"}, std::pair{"num_attention_heads", "n_head"},
          std::pair{"num_kv_heads", "n_head_kv"}}) {
        json[before] = json[now];
        json.erase(now);
    }
    json["model_type"] = "RefinedWeb";
    json.erase("new_decoder_architecture");
    json.erase("rope_parameters");
    CHECK(config_json(parse_config<FalconConfig>(json, "config.json")) ==
          config_json(read_config<FalconConfig>(golden("falcon_40b"))));

    json = read_json(golden("pythia") / "config.json");
    json.erase("rope_parameters");
    json["rotary_pct"] = 0.2;
    json["rotary_emb_base"] = 10000;
    json.erase("use_parallel_residual");
    CHECK(config_json(parse_config<NeoxConfig>(json, "config.json")) ==
          config_json(read_config<NeoxConfig>(golden("pythia"))));

    json = read_json(golden("llama_odd") / "config.json");
    json.erase("num_key_value_heads");
    CHECK(parse_config<AmberConfig>(json, "config.json").num_key_value_heads == 5);
}
