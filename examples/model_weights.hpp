#pragma once

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/core/device.hpp>
#include <lapidary/core/tensor.hpp>

#include <filesystem>

/// The weights of a model that a Hugging Face directory holds. Throws Error before room is made for them if they
/// do not fit the model.
template <lapidary::Device D, class Model>
lapidary::Tensor<lapidary::Scalar<D>, 1, D> model_weights(D& device, const Model& model,
                                                          const std::filesystem::path& directory) {
    using namespace lapidary;
    check_weights(model, directory);
    Tensor<Scalar<D>, 1, D> weights(device, {model.layout().size()});
    read_weights(device, model, directory, weights.view());
    return weights;
}
