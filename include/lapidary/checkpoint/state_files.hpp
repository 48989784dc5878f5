#pragma once

#include <lapidary/checkpoint/held_vector.hpp>
#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/io/dtype.hpp>
#include <lapidary/io/safetensors_writer.hpp>
#include <lapidary/optim/train_state.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// The vectors of a state that a checkpoint holds.
enum class StateVector { weights, m, v };
inline constexpr std::array state_vectors{StateVector::weights, StateVector::m, StateVector::v};
/// The moments among them that a state keeps.
template <Device D>
std::span<const StateVector> moments_of(const TrainState<D>& state) {
    return std::span(state_vectors).subspan(state.has_first_moment() ? 1 : 2);
}
/// What their tensors' names begin with in a file of moments.
inline constexpr std::array<const char*, 3> moment_prefixes{"", "m.", "v."};
/// The tensor of a leaf's moment there.
inline std::string moment_name(StateVector vector, const Leaf& leaf) {
    return moment_prefixes[static_cast<std::size_t>(vector)] + leaf.name;
}

/// `T`: the element type of the state's device, const if the state is.
template <class T, class State>
HeldVector<T> held(State& state, StateVector which) {
    const auto vector = [&](auto& tensor, Zero level) {
        return Held{tensor.view(), state.zero >= level ? &state.shards : nullptr};
    };
    switch (which) {
        case StateVector::m:
            if (state.narrow_m.size() > 0) return {.moments = vector(state.narrow_m, Zero::moments)};
            return {.values = vector(state.m, Zero::moments)};
        case StateVector::v:
            if (state.narrow_v.size() > 0) return {.moments = vector(state.narrow_v, Zero::moments)};
            return {.values = vector(state.v, Zero::moments)};
        default:
            if constexpr (std::is_same_v<std::remove_const_t<T>, Wide<std::remove_const_t<T>>>) {
                return {.values = vector(state.weights, Zero::weights)};
            } else {
                return {.weights = vector(state.weights, Zero::weights),
                        .remainders = vector(state.remainders, Zero::moments)};
            }
    }
}

/// A safetensors file of a checkpoint.
struct StateFile {
    std::filesystem::path path;  ///< below the checkpoint
    std::string preamble;
    std::size_t bytes = 0;  ///< of data, after the preamble
};

struct StatePiece {
    std::size_t file;
    std::size_t offset;  ///< in the file, in bytes
    StateVector vector;
    TensorPiece piece;
};

/// The safetensors files of a checkpoint and their pieces, in order.
struct StateFiles {
    std::array<StateFile, 2> files;
    std::vector<StatePiece> pieces;

    /// `T`: the type of the device's accumulators.
    template <class T, class Model>
    static StateFiles of(const Model& model, std::span<const StateVector> moments) {
        StateFiles result;
        std::vector<TensorSpec> specs;
        const ModelFiles model_files = files_of(model);
        for (const HuggingFaceTensor& tensor : model_files.tensors) {
            result.add<T>(0, StateVector::weights, tensor.name, tensor.shape(),
                          pieces_of(tensor, model.layout().leaf(tensor.leaf)), specs);
        }
        result.finish(0, model_files.weights, specs, {{"format", "pt"}});
        specs.clear();
        for (const StateVector vector : moments) {
            for (const Leaf& leaf : model.layout().leaves()) {
                result.add<T>(1, vector, moment_name(vector, leaf), leaf.shape, pieces_of(leaf), specs);
            }
        }
        result.finish(1, "state/moments.safetensors", specs, {});
        return result;
    }

    /// For each of `ranks`, the pieces it writes: each goes to the one that has the fewest bytes so far.
    [[nodiscard]] std::vector<std::vector<std::size_t>> shares(int ranks) const {
        std::vector<std::vector<std::size_t>> result(static_cast<std::size_t>(ranks));
        std::vector<Index> sizes(result.size());
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const auto rank =
                static_cast<std::size_t>(std::min_element(sizes.begin(), sizes.end()) - sizes.begin());
            result[rank].push_back(i);
            sizes[rank] += pieces[i].piece.size();
        }
        return result;
    }

private:
    template <class T>
    void add(std::size_t file, StateVector vector, const std::string& name, const std::vector<Index>& shape,
             const std::vector<TensorPiece>& parts, std::vector<TensorSpec>& specs) {
        specs.push_back({name, dtype_of<T>, shape});
        for (const TensorPiece& part : parts) {
            pieces.push_back(
                {file, files[file].bytes + static_cast<std::size_t>(part.first) * sizeof(T), vector, part});
        }
        files[file].bytes += static_cast<std::size_t>(element_count(shape)) * sizeof(T);
    }
    void finish(std::size_t file, const std::string& path, const std::vector<TensorSpec>& specs,
                const std::map<std::string, std::string>& metadata) {
        std::size_t bytes = 0;
        files[file] = {path, safetensors_preamble(specs, metadata, bytes, path), bytes};
        for (StatePiece& piece : pieces) {
            if (piece.file == file) piece.offset += files[file].preamble.size();
        }
    }
};

}  // namespace lapidary::detail
