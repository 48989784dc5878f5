#pragma once

#include <lapidary/checkpoint/weight_files.hpp>
#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/models/huggingface.hpp>

#include <filesystem>
#include <set>
#include <vector>

namespace lapidary {

/// The decoder options in a directory's config.json. Throws Error(io), Error(format) or Error(unsupported) naming
/// the file and the key. `Options`: the options type of the family, as `Amber::Options`.
template <class Options>
Options read_config(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / "config.json";
    return HuggingFaceFamily<Options>::parse(read_json(file), file.string());
}

namespace detail {

template <class Model>
std::vector<HuggingFaceTensor> check_weights(const Model& model, const WeightFiles& files) {
    using Family = HuggingFaceFamily<typename Model::Options>;
    const std::vector<HuggingFaceTensor> tensors = Family::tensors(model.options());
    std::set<std::string> known;
    for (const HuggingFaceTensor& tensor : tensors) {
        files.check(tensor.name, tensor.shape);
        known.insert(tensor.name);
    }
    for (const std::string& name : files.names()) {
        if (!known.contains(name) && !Family::ignored(name)) {
            throw Error(ErrorCode::format, "weights", files.place(name) + " is no parameter of this architecture");
        }
    }
    return tensors;
}

}  // namespace detail

/// Looks only whether `read_weights` would find every tensor: before memory is taken for a model that a file
/// describes.
template <class Model>
void check_weights(const Model& model, const std::filesystem::path& directory) {
    detail::check_weights(model, WeightFiles(directory));
}

/// Reads the weights of a Hugging Face directory into a flat vector, tensor by tensor.
///
/// Throws Error(io), and Error(format) naming file and tensor for one that is missing, unexpected, or of another
/// shape or type; then `weights` is as it was.
template <Device D, class Model>
void read_weights(D& device, const Model& model, const std::filesystem::path& directory,
                  View<Scalar<D>, 1> weights) {
    const WeightFiles files(directory);
    std::vector<Scalar<D>> host;
    for (const HuggingFaceTensor& tensor : detail::check_weights(model, files)) {
        files.read(tensor.name, tensor.shape, host);
        const Leaf& leaf = model.layout().leaf(tensor.leaf);
        device.upload(host.data(), weights.data + leaf.offset + tensor.first_row * leaf.shape.back(),
                      host.size() * sizeof(Scalar<D>));
    }
}

/// Writes config.json and model.safetensors, which `transformers` loads, in the device's element type.
template <Device D, class Model>
void write_huggingface(D& device, const Model& model, std::type_identity_t<ConstView<Scalar<D>, 1>> weights,
                       const std::filesystem::path& directory) {
    using Family = HuggingFaceFamily<typename Model::Options>;
    Json config = Family::config(model.options());
    config["torch_dtype"] = sizeof(Scalar<D>) == 8 ? "float64" : "float32";
    write_json(directory / "config.json", config);
    const std::vector<HuggingFaceTensor> tensors = Family::tensors(model.options());
    std::vector<TensorSpec> specs;
    for (const HuggingFaceTensor& tensor : tensors)
        specs.push_back({tensor.name, dtype_of<Scalar<D>>, tensor.shape});
    SafetensorsWriter file(directory / "model.safetensors", specs, {{"format", "pt"}});
    std::vector<Scalar<D>> host;
    for (const HuggingFaceTensor& tensor : tensors) {
        const Leaf& leaf = model.layout().leaf(tensor.leaf);
        host.resize(static_cast<std::size_t>(element_count(tensor.shape)));
        device.download(weights.data + leaf.offset + tensor.first_row * leaf.shape.back(), host.data(),
                        host.size() * sizeof(Scalar<D>));
        file.append(std::span<const Scalar<D>>(host));
    }
    file.finish();
}

}  // namespace lapidary
