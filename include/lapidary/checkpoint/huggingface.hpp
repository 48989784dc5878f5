#pragma once

#include <lapidary/checkpoint/held_vector.hpp>
#include <lapidary/checkpoint/weight_files.hpp>
#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/io/staged_directory.hpp>
#include <lapidary/models/model_files.hpp>
#include <lapidary/models/peft_config.hpp>

#include <filesystem>
#include <set>
#include <vector>

namespace lapidary {

/// The config in a directory's config.json, of a family known beforehand (`AmberConfig`); `visit_config`
/// (models/families.hpp) finds out which. Throws Error(io), Error(format) or Error(unsupported) naming the file
/// and the key.
template <HuggingFaceConfig Config>
Config read_config(const std::filesystem::path& directory) {
    refuse_adapters(directory);
    const std::filesystem::path file = directory / "config.json";
    return parse_config<Config>(read_json(file), file.string());
}

namespace detail {

template <class Model>
std::vector<HuggingFaceTensor> check_weights(const Model& model, const std::filesystem::path& directory,
                                             const WeightFiles& files) {
    if constexpr (requires { model.check_files(directory); }) model.check_files(directory);
    const ModelFiles own = files_of(model);
    std::set<std::string> known;
    for (const HuggingFaceTensor& tensor : own.tensors) {
        files.check(tensor.name, tensor.shape());
        known.insert(tensor.name);
    }
    for (const std::string& name : files.names()) {
        if (!known.contains(name) && !own.ignores(name)) {
            throw Error(ErrorCode::format, "weights", files.place(name) + " is no parameter of this architecture");
        }
    }
    return own.tensors;
}

}  // namespace detail

/// Looks only whether `read_weights` would find every tensor: before memory is taken for a model that a file
/// describes.
template <class Model>
void check_weights(const Model& model, const std::filesystem::path& directory) {
    detail::check_weights(model, directory, WeightFiles(directory, files_of(model).weights));
}

namespace detail {

/// Reads what this rank holds of the weights.
template <Device D, class Model>
void read_weights(D& device, const Model& model, const std::filesystem::path& directory,
                  const HeldVector<Scalar<D>>& weights) {
    const WeightFiles files(directory, files_of(model).weights);
    std::vector<Accumulator<D>> host;
    for (const HuggingFaceTensor& tensor : check_weights(model, directory, files)) {
        for (const TensorPiece& piece : pieces_of(tensor, model.layout().leaf(tensor.leaf))) {
            if (!weights.touches(piece)) continue;
            files.read(tensor.name, piece.first, piece.size(), host);
            to_flat_order(piece, host);
            store(device, weights, piece, host);
        }
    }
}

}  // namespace detail

/// Reads the weights of a Hugging Face directory into a flat vector, piece by piece: besides the vector, memory is
/// taken for one tensor that the file has transposed, or for 64 MiB.
///
/// Throws Error(io), and Error(format) naming file and tensor for one that is missing, unexpected, or of another
/// shape or type; then `weights` is as it was.
template <Device D, class Model>
void read_weights(D& device, const Model& model, const std::filesystem::path& directory,
                  View<Scalar<D>, 1> weights) {
    detail::HeldVector<Scalar<D>> target;
    if constexpr (has_remainders<D>) {
        target.weights = {weights};
    } else {
        target.values = {weights};
    }
    detail::read_weights(device, model, directory, target);
}

/// Writes config.json for weights of type T, or adapter_config.json.
template <class T, class Model>
void write_config(const Model& model, const std::filesystem::path& directory) {
    ModelFiles files = files_of(model);
    if (files.config == "config.json") {
        files.json["torch_dtype"] = sizeof(T) == 8 ? "float64" : sizeof(T) == 4 ? "float32" : "bfloat16";
        files.json["use_cache"] = true;
    }
    write_json(directory / files.config, files.json);
}

/// Writes config.json and model.safetensors, which `transformers` loads, or what `peft` loads of adapters, in the
/// device's element type. Makes the directory where there is none. Throws Error(io).
template <Device D, class Model>
void write_huggingface(D& device, const Model& model, std::type_identity_t<ConstView<Scalar<D>, 1>> weights,
                       const std::filesystem::path& directory) {
    const ModelFiles own = files_of(model);
    detail::create_directories_durably(directory);
    write_config<Scalar<D>>(model, directory);
    std::vector<TensorSpec> specs;
    for (const HuggingFaceTensor& tensor : own.tensors)
        specs.push_back({tensor.name, dtype_of<Scalar<D>>, tensor.shape()});
    SafetensorsWriter file(directory / own.weights, specs, {{"format", "pt"}});
    for (const HuggingFaceTensor& tensor : own.tensors) {
        for (const detail::TensorPiece& piece : detail::pieces_of(tensor, model.layout().leaf(tensor.leaf))) {
            file.append(std::span<const Scalar<D>>(detail::load(device, weights, piece)));
        }
    }
    file.finish();
}

}  // namespace lapidary
