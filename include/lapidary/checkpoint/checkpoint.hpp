#pragma once

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/io/checksums.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/io/staged_directory.hpp>
#include <lapidary/optim/train_state.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace lapidary {

inline constexpr const char* checkpoint_format = "lapidary checkpoint 1";

/// What a checkpoint holds besides the training state.
struct CheckpointExtras {
    std::filesystem::path tokenizer;  ///< a .model or, with its tokenizer_config.json, a .json; empty: none
    Json cursor = Json::object();     ///< where the data stands; returned by `read_checkpoint`
};

/// Writes a checkpoint: a Hugging Face directory with the full-precision weights, `state/` with the moments and
/// the step, and SHA256SUMS over all of it.
///
/// It is written beside `directory` and appears there by one rename after everything reached the disk, or not at
/// all. Equal states give equal bytes. Throws Error(value) if `directory` exists, Error(io) as on a full disk.
template <Device D, class Model>
void save_checkpoint(D& device, const Model& model, const TrainState<D>& state,
                     const std::filesystem::path& directory, const CheckpointExtras& extras = {}) {
    StagedDirectory staged(directory);
    write_huggingface(device, model, state.weights.view(), staged.path());
    if (!extras.tokenizer.empty()) {
        write_file_durably(staged.path() / tokenizer_file_name(extras.tokenizer), read_text(extras.tokenizer));
        const std::filesystem::path config = extras.tokenizer.parent_path() / "tokenizer_config.json";
        if (extras.tokenizer.extension() == ".json" && std::filesystem::exists(config)) {
            write_file_durably(staged.path() / "tokenizer_config.json", read_text(config));
        }
    }
    const std::filesystem::path folder = staged.path() / "state";
    detail::create_directories_durably(folder);
    write_json(folder / "state.json",
               {{"format", checkpoint_format}, {"step", state.step}, {"cursor", extras.cursor}});

    const auto& leaves = model.layout().leaves();
    std::vector<TensorSpec> specs;
    for (const char* moment : {"m.", "v."}) {
        for (const Leaf& leaf : leaves) specs.push_back({moment + leaf.name, dtype_of<Scalar<D>>, leaf.shape});
    }
    SafetensorsWriter file(folder / "moments.safetensors", specs);
    std::vector<Scalar<D>> host;
    for (const auto* moment : {&state.m, &state.v}) {
        for (const Leaf& leaf : leaves) {
            host.resize(static_cast<std::size_t>(leaf.size()));
            device.download(moment->view().data + leaf.offset, host.data(), host.size() * sizeof(Scalar<D>));
            file.append(std::span<const Scalar<D>>(host));
        }
    }
    file.finish();
    write_checksums(staged.path());
    staged.publish();
}

/// Restores a training state and returns the cursor. Every file is compared with its recorded hash before anything
/// is read. Throws Error(integrity) or Error(format) naming the file and the tensor.
template <Device D, class Model>
Json read_checkpoint(D& device, const Model& model, TrainState<D>& state, const std::filesystem::path& directory) {
    verify_checksums(directory);
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
    const SafetensorsReader moments(directory / "state" / "moments.safetensors");
    std::set<std::string> known;
    for (const auto& [prefix, target] : {std::pair{"m.", &state.m}, std::pair{"v.", &state.v}}) {
        for (const Leaf& leaf : model.layout().leaves()) {
            const std::string name = prefix + leaf.name;
            known.insert(name);
            if (moments.info(name).shape != leaf.shape) {
                throw Error(ErrorCode::format, "checkpoint",
                            moments.path().string() + ": tensor '" + name + "' has shape " +
                                to_string(moments.info(name).shape) + ", expected " + to_string(leaf.shape));
            }
            const auto host = moments.read<Scalar<D>>(name);
            device.upload(host.data(), target->view().data + leaf.offset, host.size() * sizeof(Scalar<D>));
        }
    }
    for (const TensorInfo& tensor : moments.tensors()) {
        if (!known.contains(tensor.name)) {
            throw Error(
                ErrorCode::format, "checkpoint",
                moments.path().string() + ": tensor " + quote(tensor.name) + " is no moment of this model");
        }
    }
    read_weights(device, model, directory, state.weights.view());
    state.step = step;
    return cursor;
}

/// The step a checkpoint was taken at, or nothing if `directory` is no complete checkpoint. Throws Error(format)
/// for a damaged state.json.
inline std::optional<Index> checkpoint_step(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / "state" / "state.json";
    std::error_code error;
    if (!std::filesystem::exists(file, error) || !std::filesystem::exists(directory / "SHA256SUMS", error)) {
        return std::nullopt;
    }
    return get<Index>(read_json(file), "step", file.string());
}

namespace detail {

/// The directories below `checkpoints`; none if it does not exist.
inline std::vector<std::filesystem::path> checkpoint_directories(const std::filesystem::path& checkpoints) {
    std::vector<std::filesystem::path> result;
    std::error_code error;
    std::filesystem::directory_iterator entry(checkpoints, error);
    if (error == std::errc::no_such_file_or_directory) return result;
    for (check_io(checkpoints, "list", error); entry != std::filesystem::directory_iterator();
         entry.increment(error), check_io(checkpoints, "list", error)) {
        if (entry->is_directory(error)) result.push_back(entry->path());
    }
    return result;
}

}  // namespace detail

/// The checkpoint with the highest step below `checkpoints`; empty if there is none. Whether its files are whole
/// is seen when it is read. Throws Error(io), Error(format).
inline std::filesystem::path latest_checkpoint(const std::filesystem::path& checkpoints) {
    std::filesystem::path latest;
    Index highest = -1;
    for (const std::filesystem::path& directory : detail::checkpoint_directories(checkpoints)) {
        if (directory.filename().string().starts_with(".")) continue;
        const std::optional<Index> step = checkpoint_step(directory);
        if (step && *step > highest) {
            highest = *step;
            latest = directory;
        }
    }
    return latest;
}

/// Removes the checkpoints that killed processes did not finish. Only for the process that holds the run: to
/// another one, a checkpoint being written looks the same. Throws Error(io).
inline void remove_partial_checkpoints(const std::filesystem::path& checkpoints) {
    for (const std::filesystem::path& directory : detail::checkpoint_directories(checkpoints)) {
        const std::string name = directory.filename().string();
        if (!name.starts_with(".") || !name.ends_with(".partial")) continue;
        std::error_code error;
        std::filesystem::remove_all(directory, error);
        detail::check_io(directory, "remove", error);
    }
}

}  // namespace lapidary
