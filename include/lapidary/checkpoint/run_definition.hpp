#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/learning_rate.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// What decides a run's bits, as its manifest records it. On a GPU these are also what it is told of precision and
/// micro-batches, and what `run/products.json` records.
struct RunDefinition {
    std::string model;  ///< family
    Json config;        ///< of the model, as in its config.json
    std::string data;   ///< SHA-256 of data.json
    std::string init;   ///< SHA-256 of the weights to start from; empty: drawn
    std::uint64_t seed = 0;
    Index batch = 0, lanes = 1, steps = 0;
    LearningRate rate;
    std::vector<double> adamw{0, 0, 0, 0};  ///< beta1, beta2, epsilon, weight decay
    double clip = 0;
    bool separate_documents = false;
    Json cuda = nullptr;  ///< null: a CPU's

    /// The optimizer of the run; what the manifest does not say of it follows from the family.
    [[nodiscard]] AdamW optimizer(const TrainingRecipe& recipe) const {
        AdamW result = AdamW::of(recipe);
        result.beta1 = adamw[0];
        result.beta2 = adamw[1];
        result.epsilon = adamw[2];
        result.weight_decay = adamw[3];
        result.seed = seed;
        return result;
    }
};

/// What identifies the weights that a run starts from: of one file, or of the index and all its shards. Throws
/// Error(io) and Error(format).
inline std::string weights_hash(const std::filesystem::path& directory) {
    const std::filesystem::path whole = directory / "model.safetensors";
    if (std::filesystem::exists(whole)) return sha256_file(whole);
    const std::filesystem::path index = directory / "model.safetensors.index.json";
    std::set<std::string> shards;
    for (const auto& [tensor, file] :
         get<std::map<std::string, std::string>>(read_json(index), "weight_map", index.string())) {
        shards.insert(file);
    }
    std::string all = sha256_file(index);
    for (const std::string& shard : shards) all += sha256_file(directory / shard);
    return sha256_hex(std::as_bytes(std::span<const char>(all)));
}

inline Json to_json(const RunDefinition& run) {
    Json result = {{"model", run.model},        {"config", run.config},
                   {"data", run.data},          {"init", run.init.empty() ? Json(nullptr) : Json(run.init)},
                   {"seed", run.seed},          {"batch", run.batch},
                   {"lanes", run.lanes},        {"steps", run.steps},
                   {"rate", to_json(run.rate)}, {"adamw", run.adamw},
                   {"clip", run.clip}};
    if (run.separate_documents) result["separate-documents"] = true;
    if (!run.cuda.is_null()) result["cuda"] = run.cuda;
    return result;
}

/// The definition in the manifest `where`. Throws Error(format) naming the key.
inline RunDefinition run_definition(const Json& json, const std::string& where) {
    RunDefinition result;
    result.model = get<std::string>(json, "model", where);
    result.config = get<Json>(json, "config", where);
    result.data = get<std::string>(json, "data", where);
    const Json init = get<Json>(json, "init", where);
    if (!init.is_null()) result.init = get<std::string>(json, "init", where);
    result.seed = get<std::uint64_t>(json, "seed", where);
    const auto positive = [&](const char* key) {
        const auto value = get<Index>(json, key, where);
        if (value >= 1 && value <= Index{1} << 40) return value;
        throw Error(ErrorCode::format, "manifest", where + ": '" + key + "' is " + std::to_string(value));
    };
    result.batch = positive("batch");
    result.lanes = positive("lanes");
    result.steps = positive("steps");
    result.rate = learning_rate(get<Json>(json, "rate", where), result.steps, where);
    result.adamw = get<std::vector<double>>(json, "adamw", where);
    if (result.adamw.size() != 4) {
        throw Error(ErrorCode::format, "manifest",
                    where + ": 'adamw' has " + std::to_string(result.adamw.size()) + " numbers, not 4");
    }
    result.clip = get<double>(json, "clip", where);
    result.separate_documents = get_or(json, "separate-documents", false, where);
    result.cuda = get_or(json, "cuda", Json(nullptr), where);
    return result;
}

}  // namespace lapidary
