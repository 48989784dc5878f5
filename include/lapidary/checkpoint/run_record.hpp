#pragma once

#include <lapidary/checkpoint/decisions.hpp>
#include <lapidary/checkpoint/latest.hpp>
#include <lapidary/checkpoint/run_definition.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/io/sha256.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace lapidary {

/// A run as its manifest tells it: what defines it, and what was decided on the way.
struct RunRecord : RunDefinition {
    Decisions decisions;
};

/// Reads `run/manifest.json`. Throws Error(io), Error(format) naming file and key.
inline RunRecord read_run(const std::filesystem::path& run) {
    const std::string where = (run / "manifest.json").string();
    const Json manifest = read_manifest(run);
    return {run_definition(get<Json>(manifest, "definition", where), where), decisions_in(manifest, where)};
}

/// Throws Error(io) unless prepared data lie in a directory, Error(integrity) unless they are those that a run was
/// trained on. `hash`: what its manifest says of them; empty: any will do.
inline void check_data(const std::filesystem::path& run, const std::filesystem::path& data,
                       const std::string& hash) {
    const std::filesystem::path file = data / data_manifest;
    if (!std::filesystem::exists(file)) {
        throw Error(ErrorCode::io, "data", data.string() + ": holds no prepared data; --data says where they are");
    }
    if (!hash.empty() && sha256_file(file) != hash) {
        throw Error(ErrorCode::integrity, "data",
                    file.string() + ": is not the data that " + run.string() + " was trained on");
    }
}

/// The steps of a run, of its first `steps`, that trained on a window, in order, at most `limit` of them. As
/// `TokenChunks::steps_of`, but for what was decided on the way.
inline std::vector<Index> steps_that_saw(const RunRecord& run, const TokenChunks& chunks, Index chunk, Index row,
                                         Index steps, Index limit = Index{1} << 40) {
    std::vector<Index> result;
    const Index batches = run.decisions.batches_before(steps);
    for (const Index batch : chunks.steps_of(chunk, row, batches, run.batch, run.seed)) {
        const std::optional<Index> step = run.decisions.trained_step_of(batch);
        if (step && *step < steps) result.push_back(*step);
        if (std::ssize(result) == limit) break;
    }
    return result;
}

/// The checkpoints below `run/checkpoints`, by their steps, those of one step by name. Throws Error(io),
/// Error(format) for a damaged state.json.
inline std::vector<CheckpointRecord> checkpoints_of(const std::filesystem::path& run) {
    std::vector<CheckpointRecord> result = complete_checkpoints(run / "checkpoints");
    std::sort(result.begin(), result.end(), [](const CheckpointRecord& a, const CheckpointRecord& b) {
        return std::tie(a.step, a.directory) < std::tie(b.step, b.directory);
    });
    return result;
}

/// The first of `checkpoints`, sorted as `checkpoints_of` does, that has seen a step; none: nullptr.
inline const CheckpointRecord* first_that_saw(const std::vector<CheckpointRecord>& checkpoints, Index step) {
    const auto found = std::find_if(checkpoints.begin(), checkpoints.end(),
                                    [&](const CheckpointRecord& checkpoint) { return checkpoint.step > step; });
    return found == checkpoints.end() ? nullptr : &*found;
}

}  // namespace lapidary
