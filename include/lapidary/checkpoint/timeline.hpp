#pragma once

#include <lapidary/checkpoint/decisions.hpp>
#include <lapidary/checkpoint/latest.hpp>
#include <lapidary/io/file.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

// Which checkpoints belong to a run that went back. Those taken after the step that it went back to are of batches
// that it then passed over.

namespace lapidary {

/// What a checkpoint says of where the data stand: with the batch that its last step took, if that is not the one
/// of its number.
inline Json checkpoint_cursor(const Decisions& decisions, Index step) {
    Json cursor{{"next_step", step}};
    if (step > 0 && decisions.batch_of(step - 1) != step - 1) cursor["last_batch"] = decisions.batch_of(step - 1);
    return cursor;
}

/// Whether a checkpoint is one of the run as it was decided. Throws Error(io), Error(format) for a damaged
/// state.json.
inline bool belongs(const CheckpointRecord& checkpoint, const Decisions& decisions) {
    if (checkpoint.step < 1) return true;
    const std::filesystem::path file = checkpoint.directory / "state" / "state.json";
    const Json cursor = get_or(read_json(file), "cursor", Json::object(), file.string());
    const Index last = get_or(cursor, "last_batch", checkpoint.step - 1, file.string());
    return last == decisions.batch_of(checkpoint.step - 1);
}

/// Moves the checkpoints that do not belong to the run to `run`/bad_steps/checkpoints. Only for the process that
/// holds the run. Throws Error(io), Error(format).
inline void set_aside_checkpoints(const std::filesystem::path& run, const Decisions& decisions) {
    for (const CheckpointRecord& checkpoint : complete_checkpoints(run / "checkpoints")) {
        if (belongs(checkpoint, decisions)) continue;
        const std::filesystem::path room = run / "bad_steps" / "checkpoints";
        std::error_code error;
        std::filesystem::create_directories(room, error);
        detail::check_io(room, "create", error);
        const std::string name = checkpoint.directory.filename().string();
        std::filesystem::path place = room / name;
        for (int i = 2; std::filesystem::exists(place); ++i) place = room / (name + "." + std::to_string(i));
        std::filesystem::rename(checkpoint.directory, place, error);
        detail::check_io(checkpoint.directory, "set aside", error);
        sync_directory(run / "checkpoints");
    }
}

/// The checkpoint to go back to: the last one that was taken at the end of a chunk ("ckpt_..."), which a run has
/// wherever it was stopped and whatever else was saved; empty: the beginning. Throws Error(io), Error(format).
inline std::filesystem::path rewind_target(const std::filesystem::path& run) {
    CheckpointRecord latest{{}, -1};
    for (const CheckpointRecord& checkpoint : complete_checkpoints(run / "checkpoints")) {
        if (checkpoint.directory.filename().string().starts_with("ckpt_") && checkpoint.step > latest.step) {
            latest = checkpoint;
        }
    }
    return latest.directory;
}

}  // namespace lapidary
