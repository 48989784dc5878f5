#pragma once

#include "support/arrays.hpp"

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/models/amber_huggingface.hpp>

#include <string>

namespace lapidary::test {

inline std::filesystem::path golden(const std::string& name) {
    return std::filesystem::path(LAPIDARY_TEST_DATA) / "golden" / name;
}

/// A tensor of a fixture, whatever its floating-point type.
inline Values fixture(const SafetensorsReader& file, const std::string& name) {
    Values values;
    if (file.info(name).dtype == DType::F64) {
        values.data = file.read<double>(name);
    } else {
        for (float element : file.read<float>(name)) values.data.push_back(element);
    }
    return values;
}

/// A model of the fixtures and its weights on a device.
template <Device D>
struct GoldenModel {
    Amber model;
    Tensor<Scalar<D>, 1, D> weights;

    GoldenModel(D& device, const std::string& directory)
        : model(read_config<Amber::Options>(golden(directory))), weights(device, {model.layout().size()}) {
        read_weights(device, model, golden(directory), weights.view());
    }

    /// The part of a flat vector that a Hugging Face tensor stands for.
    View<Scalar<D>, 1> part(const HuggingFaceTensor& tensor, View<Scalar<D>, 1> flat) const {
        const Leaf& leaf = model.layout().leaf(tensor.leaf);
        return flat.slice(leaf.offset + tensor.first_row * leaf.shape.back(), element_count(tensor.shape));
    }
    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const {
        return HuggingFaceFamily<Amber::Options>::tensors(model.options());
    }
};

}  // namespace lapidary::test
