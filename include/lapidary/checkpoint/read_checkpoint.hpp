#pragma once

#include <lapidary/checkpoint/staged_checkpoint.hpp>
#include <lapidary/comm/collectives.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/io/safetensors.hpp>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace lapidary {

namespace detail {

/// Throws Error(format) naming the file and the tensor unless it has the moments that a state keeps, and no
/// others.
template <Device D, class Model>
void require_moments(const Model& model, const TrainState<D>& state, const SafetensorsReader& file) {
    std::set<std::string> known;
    for (const StateVector which : moments_of(state)) {
        for (const Leaf& leaf : model.layout().leaves()) {
            const std::string name = *known.insert(moment_name(which, leaf)).first;
            const std::vector<Index>& shape = file.info(name).shape;
            if (shape == leaf.shape) continue;
            throw Error(ErrorCode::format, "checkpoint",
                        file.path().string() + ": tensor '" + name + "' has shape " + to_string(shape) +
                            ", expected " + to_string(leaf.shape));
        }
    }
    for (const TensorInfo& tensor : file.tensors()) {
        if (known.contains(tensor.name)) continue;
        const bool first = tensor.name.starts_with("m.") && !state.has_first_moment();
        throw Error(ErrorCode::format, "checkpoint",
                    file.path().string() + ": tensor " + quote(tensor.name) + " is no moment of this model" +
                        (first ? " with an optimizer that keeps no first one" : ""));
    }
}

template <Device D, class Model>
void read_moments(D& device, const Model& model, TrainState<D>& state, const std::filesystem::path& file) {
    const SafetensorsReader moments(file);
    require_moments(model, state, moments);
    std::vector<Accumulator<D>> host;
    for (const StateVector which : moments_of(state)) {
        const HeldVector<Scalar<D>> target = held<Scalar<D>>(state, which);
        for (const Leaf& leaf : model.layout().leaves()) {
            const std::string name = moment_name(which, leaf);
            for (const TensorPiece& piece : pieces_of(leaf)) {
                moments.read<Accumulator<D>>(name, piece.first, target.touches(piece) ? piece.size() : 0, host);
                if (!host.empty()) store(device, target, piece, host);
            }
        }
    }
}

}  // namespace detail

/// Reads what a state holds of the weights in a Hugging Face directory. Throws as `read_weights` for a flat vector
/// does.
template <Device D, class Model>
void read_weights(D& device, const Model& model, const std::filesystem::path& directory, TrainState<D>& state) {
    detail::read_weights(device, model, directory, detail::held<Scalar<D>>(state, detail::StateVector::weights));
}

/// Restores a training state, whatever the number of ranks that saved it, and returns the cursor. Every file is
/// compared with its recorded hash before anything is read; all ranks call it, and share that work. Throws
/// Error(integrity) or Error(format) naming the file and the tensor.
template <Device D, Communicator World, class Model>
Json read_checkpoint(D& device, World& world, const Model& model, TrainState<D>& state,
                     const std::filesystem::path& directory) {
    detail::require_ranks("read_checkpoint", state, world);
    verify_checksums(directory, world.rank(), world.size());
    barrier(world, {"check of a checkpoint", detail::disk_patience});
    const std::filesystem::path file = directory / "state" / "state.json";
    const Json record = read_json(file);
    if (get<std::string>(record, "format", file.string()) != checkpoint_format) {
        throw Error(ErrorCode::format, "checkpoint",
                    file.string() + ": the format is not '" + checkpoint_format + "'");
    }
    const auto step = get<Index>(record, "step", file.string());
    if (step < 0) {
        throw Error(ErrorCode::format, "checkpoint", file.string() + ": 'step' is " + std::to_string(step));
    }
    auto cursor = get<Json>(record, "cursor", file.string());
    check_weights(model, directory);  // before anything of the state changes
    detail::read_moments(device, model, state, directory / "state" / "moments.safetensors");
    read_weights(device, model, directory, state);
    barrier(world, {"reading of a checkpoint", detail::disk_patience});
    state.step = step;
    return cursor;
}

/// The same for a program that is alone.
template <Device D, class Model>
Json read_checkpoint(D& device, const Model& model, TrainState<D>& state, const std::filesystem::path& directory) {
    SingleProcess world;
    return read_checkpoint(device, world, model, state, directory);
}

}  // namespace lapidary
