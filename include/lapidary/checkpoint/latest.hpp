#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/descriptor.hpp>
#include <lapidary/io/json.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

// Which checkpoints there are.

namespace lapidary {

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

/// A checkpoint of a run and how many steps were done when it was taken: it has seen the steps below `step`.
struct CheckpointRecord {
    std::filesystem::path directory;
    Index step = 0;
};

/// The complete checkpoints below `checkpoints`, in no order. Throws Error(io), Error(format).
inline std::vector<CheckpointRecord> complete_checkpoints(const std::filesystem::path& checkpoints) {
    std::vector<CheckpointRecord> result;
    for (const std::filesystem::path& directory : detail::checkpoint_directories(checkpoints)) {
        if (directory.filename().string().starts_with(".")) continue;
        if (const std::optional<Index> step = checkpoint_step(directory)) result.push_back({directory, *step});
    }
    return result;
}

/// The checkpoint with the highest step below `checkpoints`; empty if there is none. Whether its files are whole
/// is seen when it is read. Throws Error(io), Error(format).
inline std::filesystem::path latest_checkpoint(const std::filesystem::path& checkpoints) {
    std::filesystem::path latest;
    Index highest = -1;
    for (const CheckpointRecord& checkpoint : complete_checkpoints(checkpoints)) {
        if (checkpoint.step > highest) {
            highest = checkpoint.step;
            latest = checkpoint.directory;
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
