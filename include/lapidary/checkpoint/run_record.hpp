#pragma once

#include <lapidary/checkpoint/latest.hpp>
#include <lapidary/checkpoint/manifest.hpp>
#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/io/json.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

namespace lapidary {

/// What a run's manifest says of which tokens each step saw.
struct RunRecord {
    std::string data;        ///< SHA-256 of its data.json
    std::uint64_t seed = 0;  ///< of the order
    Index batch = 0;         ///< windows a step
    Index steps = 0;         ///< of the whole run, done or still to come
};

/// Reads `run/manifest.json`. Throws Error(io), Error(format) naming file and key.
inline RunRecord read_run(const std::filesystem::path& run) {
    const std::filesystem::path file = run / "manifest.json";
    const std::string where = file.string();
    const Json manifest = read_json(file);
    if (get<std::string>(manifest, "format", where) != run_format) {
        throw Error(ErrorCode::format, "manifest", where + ": the format is not '" + run_format + "'");
    }
    const Json definition = get<Json>(manifest, "definition", where);
    RunRecord record{get<std::string>(definition, "data", where), get<std::uint64_t>(definition, "seed", where),
                     get<Index>(definition, "batch", where), get<Index>(definition, "steps", where)};
    for (const auto& [key, value] : {std::pair{"batch", record.batch}, std::pair{"steps", record.steps}}) {
        if (value >= 1 && value <= Index{1} << 40) continue;
        throw Error(ErrorCode::format, "manifest", where + ": '" + key + "' is " + std::to_string(value));
    }
    return record;
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
