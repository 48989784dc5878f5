#pragma once

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/core/device.hpp>
#include <lapidary/core/tensor.hpp>

#include <filesystem>

namespace lapidary {

/// The weights of a model that a Hugging Face directory holds. Throws Error before room is made for them if they
/// do not fit the model.
template <Device D, class Model>
Tensor<Scalar<D>, 1, D> model_weights(D& device, const Model& model, const std::filesystem::path& directory) {
    check_weights(model, directory);
    Tensor<Scalar<D>, 1, D> weights(device, {model.layout().size()});
    read_weights(device, model, directory, weights.view());
    return weights;
}

}  // namespace lapidary
