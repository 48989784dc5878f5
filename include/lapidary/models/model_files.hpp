#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/models/huggingface.hpp>

#include <string>
#include <vector>

namespace lapidary {

/// What a directory has of a model: one file of tensors, one that says in JSON what they are.
struct ModelFiles {
    std::string weights;  ///< name of the file
    std::string config;   ///< the other's
    Json json;
    std::vector<HuggingFaceTensor> tensors;
    /// What else the file of tensors may hold.
    bool (*ignores)(const std::string& name) = [](const std::string&) { return false; };
};

/// A model's own `files()` or, for those that have none, a Hugging Face directory.
template <class Model>
ModelFiles files_of(const Model& model) {
    if constexpr (requires { model.files(); }) {
        return model.files();
    } else {
        static_assert(
            HuggingFaceConfig<typename Model::Config>,
            "files need a model whose config has fields(f), tensors() and ignores(name): models/huggingface.hpp");
        return {"model.safetensors", "config.json", config_json(model.config()), model.config().tensors(),
                &Model::Config::ignores};
    }
}

}  // namespace lapidary
