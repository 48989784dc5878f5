#pragma once

#include <lapidary/checkpoint/run_record.hpp>

#include <filesystem>
#include <optional>

/// The prepared data of a run: `data`, or if that is empty `run`/data. Throws as `check_data`.
inline std::filesystem::path run_data(const std::filesystem::path& run, std::filesystem::path data,
                                      const std::optional<lapidary::RunRecord>& record) {
    if (data.empty()) data = run / "data";
    lapidary::check_data(run, data, record ? record->data : "");
    return data;
}
