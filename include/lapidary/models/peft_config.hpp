#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/models/adapters.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// adapter_config.json, as the Python package `peft` writes and reads it.

namespace lapidary {

/// What adapter_config.json says of a plan's adapters. `base`: the model that they are for, as a name or a path.
template <HuggingFaceConfig Config>
Json peft_config(const Config& config, const AdapterPlan& plan, const std::string& base) {
    bool transposed = false;
    for (const HuggingFaceTensor& tensor : config.tensors()) {
        transposed = transposed || (plan.parts.contains(tensor.leaf) && tensor.transposed);
    }
    return {{"alpha_pattern", Json::object()},
            {"auto_mapping", nullptr},
            {"base_model_name_or_path", base.empty() ? Json(nullptr) : Json(base)},
            {"bias", "none"},
            {"fan_in_fan_out", transposed},
            {"inference_mode", true},
            {"init_lora_weights", true},
            {"layers_pattern", nullptr},
            {"layers_to_transform", nullptr},
            {"lora_alpha", plan.alpha},
            {"lora_dropout", 0.0},
            {"modules_to_save", nullptr},
            {"peft_type", "LORA"},
            {"r", plan.rank},
            {"rank_pattern", Json::object()},
            {"target_modules", adapted_modules(config, plan)},
            {"task_type", "CAUSAL_LM"},
            {"use_dora", false},
            {"use_rslora", plan.rank_stabilized}};
}

/// The options in an adapter_config.json. `where`: the file, for messages. Throws Error(format) naming the key,
/// and Error(unsupported) for adapters of another kind and for what would change their result: it is never passed
/// over.
inline LoraOptions lora_options(const Json& json, const std::string& where) {
    const auto refuse = [&](std::string_view key) {
        throw Error(ErrorCode::unsupported, "adapter",
                    where + ": " + quote(key) + " is " + json.at(std::string(key)).dump() +
                        "; adapters of low rank without more are what is read here");
    };
    if (!json.is_object()) throw Error(ErrorCode::format, "adapter", where + ": not a JSON object");
    if (get<std::string>(json, "peft_type", where) != "LORA") refuse("peft_type");
    if (get_or<std::string>(json, "bias", "none", where) != "none") refuse("bias");
    // Such a start changes the base, too.
    if (json.contains("init_lora_weights") && json["init_lora_weights"].is_string() &&
        json["init_lora_weights"] != "gaussian") {
        refuse("init_lora_weights");
    }
    for (const char* key :
         {"alora_invocation_tokens", "use_bdlora", "arrow_config", "kasa_config", "velora_config",
          "monteclora_config", "use_dora", "use_qalora", "lora_bias", "megatron_config", "modules_to_save",
          "rank_pattern", "alpha_pattern", "layers_to_transform", "layer_replication", "exclude_modules",
          "trainable_token_indices", "target_parameters"}) {
        if (!json.contains(key)) continue;
        const Json& value = json.at(key);
        const bool nothing = value.is_null() || value == false || (value.is_structured() && value.empty());
        if (!nothing) refuse(key);
    }
    LoraOptions options;
    options.rank = get<Index>(json, "r", where);
    options.alpha = get<double>(json, "lora_alpha", where);
    options.rank_stabilized = get_or(json, "use_rslora", false, where);
    const Json targets = get<Json>(json, "target_modules", where);
    if (targets.is_array()) {
        options.targets = get<std::vector<std::string>>(json, "target_modules", where);
        std::sort(options.targets.begin(), options.targets.end());
        if (options.targets.empty()) refuse("target_modules");
    } else if (targets != "all-linear") {
        refuse("target_modules");
    }
    return options;
}

}  // namespace lapidary
