#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/models/adapters.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

// adapter_config.json, as the Python package `peft` writes and reads it.

namespace lapidary {

/// Whether a directory holds adapters in the layout of `peft`, not a model.
inline bool holds_adapters(const std::filesystem::path& directory) {
    std::error_code error;
    return std::filesystem::exists(directory / "adapter_config.json", error);
}

/// Throws Error(unsupported) for a directory of adapters, where a model is looked for.
inline void refuse_adapters(const std::filesystem::path& directory) {
    if (!holds_adapters(directory)) return;
    throw Error(ErrorCode::unsupported, "config",
                directory.string() +
                    ": holds adapters (LoRA), not a model; take the model that they are for, or one that they are "
                    "merged into");
}

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
    const auto refuse = [&](const std::string& key) {
        throw Error(ErrorCode::unsupported, "adapter",
                    where + ": " + quote(key) + " is " + quote(json.at(key).dump()) +
                        "; adapters of low rank without more are what is read here");
    };
    if (!json.is_object()) throw Error(ErrorCode::format, "adapter", where + ": not a JSON object");
    if (get<std::string>(json, "peft_type", where) != "LORA") refuse("peft_type");
    if (get_or<std::string>(json, "bias", "none", where) != "none") refuse("bias");
    // What changes nothing, or is looked at here; a start of another kind would change the base, too.
    constexpr std::array known{"auto_mapping",
                               "base_model_name_or_path",
                               "bias",
                               "ephemeral_gpu_offload",
                               "fan_in_fan_out",
                               "inference_mode",
                               "lora_alpha",
                               "lora_dropout",
                               "megatron_core",
                               "peft_type",
                               "peft_version",
                               "r",
                               "revision",
                               "runtime_config",
                               "qalora_group_size",
                               "task_type",
                               "target_modules",
                               "use_rslora"};
    for (const auto& [key, value] : json.items()) {
        const bool nothing =
            value.is_null() || value == false || value == "" || (value.is_structured() && value.empty());
        const bool start = key == "init_lora_weights" && (value == true || value == "gaussian");
        if (!nothing && !start && std::find(known.begin(), known.end(), key) == known.end()) refuse(key);
    }
    LoraOptions options;
    options.rank = get<Index>(json, "r", where);
    options.alpha = get<double>(json, "lora_alpha", where);
    if (options.rank < 1 || !(options.alpha > 0 && options.alpha <= 1e6)) {
        throw Error(ErrorCode::format, "adapter",
                    where + ": 'r' is " + std::to_string(options.rank) + " and 'lora_alpha' " +
                        std::to_string(options.alpha) + ": they must be positive, the latter at most 1e6");
    }
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

/// Throws Error(format) naming the file unless the adapters in a directory are of the rank and the scale that a
/// plan has: no tensor's shape tells. Throws what `lora_options` throws, too.
inline void require_adapters(const std::filesystem::path& directory, const AdapterPlan& plan) {
    const std::filesystem::path file = directory / "adapter_config.json";
    const LoraOptions found = lora_options(read_json(file), file.string());
    if (found.rank == plan.rank && found.alpha == plan.alpha && found.rank_stabilized == plan.rank_stabilized)
        return;
    const auto text = [](Index rank, double alpha, bool stabilized) {
        return "rank " + std::to_string(rank) + ", alpha " + std::to_string(alpha) +
               (stabilized ? ", scaled by the root of the rank" : "");
    };
    throw Error(ErrorCode::format, "adapter",
                file.string() + ": its adapters have " + text(found.rank, found.alpha, found.rank_stabilized) +
                    ", the model's " + text(plan.rank, plan.alpha, plan.rank_stabilized));
}

}  // namespace lapidary
