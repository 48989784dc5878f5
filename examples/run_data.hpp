#pragma once

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/core/error.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/io/sha256.hpp>

#include <filesystem>
#include <optional>

/// The prepared data of a run: `data`, or if that is empty `run`/data. Throws Error(io) if there are none,
/// Error(integrity) if they are not what `record` says that the run was trained on.
inline std::filesystem::path run_data(const std::filesystem::path& run, std::filesystem::path data,
                                      const std::optional<lapidary::RunRecord>& record) {
    using namespace lapidary;
    if (data.empty()) data = run / "data";
    if (!std::filesystem::exists(data / data_manifest)) {
        throw Error(ErrorCode::io, "data", data.string() + ": holds no prepared data; --data says where they are");
    }
    if (record && sha256_file(data / data_manifest) != record->data) {
        throw Error(
            ErrorCode::integrity, "data",
            (data / data_manifest).string() + ": is not the data that " + run.string() + " was trained on");
    }
    return data;
}
