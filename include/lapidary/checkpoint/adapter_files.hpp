#pragma once

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/checkpoint/model_weights.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/models/tuned_model.hpp>
#include <lapidary/nn/merge_adapters.hpp>
#include <lapidary/nn/recompute.hpp>

#include <filesystem>

namespace lapidary {

/// The options of the adapters in a directory. Throws Error(io), and what `lora_options` throws.
inline LoraOptions read_lora_options(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / "adapter_config.json";
    return lora_options(read_json(file), file.string());
}

/// The weights of the model in `base` with the adapters in `directory` merged into them, for a `Model` without
/// any. Throws as `model_weights` does, and Error(format) naming file and tensor of adapters that do not fit the
/// model.
template <class Model, Device D>
Tensor<Scalar<D>, 1, D> merged_weights(D& device, const typename Model::Config& config,
                                       const std::filesystem::path& base, const std::filesystem::path& directory) {
    const Model model(
        config, Recompute::nothing,
        adapter_plan(config, read_lora_options(directory), (directory / "adapter_config.json").string()));
    Tensor<Scalar<D>, 1, D> weights = model_weights(device, Model(config), base);
    const TunedModel<Model, D> tuned(model, weights.view());
    const Tensor<Scalar<D>, 1, D> adapters = model_weights(device, tuned, directory);
    merge_adapters(device, model.layout(), weights.view(), adapters.view());
    return weights;
}

}  // namespace lapidary
