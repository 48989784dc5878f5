#pragma once

#include "support/arrays.hpp"

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/models/families.hpp>

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
template <Device D, class Model = Amber>
struct GoldenModel {
    D& device;
    Model model;
    Tensor<Scalar<D>, 1, D> weights;

    GoldenModel(D& where, const std::string& directory)
        : device(where),
          model(read_config<typename Model::Config>(golden(directory))),
          weights(device, {model.layout().size()}) {
        read_weights(device, model, golden(directory), weights.view());
    }

    /// The elements of a Hugging Face tensor out of a flat vector.
    Values values(const HuggingFaceTensor& tensor, ConstView<Accumulator<D>, 1> flat) const {
        Values result;
        for (const auto& piece : lapidary::detail::pieces_of(tensor, model.layout().leaf(tensor.leaf))) {
            const auto elements = lapidary::detail::load(device, flat, piece);
            result.data.insert(result.data.end(), elements.begin(), elements.end());
        }
        return result;
    }
    [[nodiscard]] std::vector<HuggingFaceTensor> tensors() const { return model.config().tensors(); }
};

}  // namespace lapidary::test
