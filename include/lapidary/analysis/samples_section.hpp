#pragma once

#include <lapidary/analysis/section.hpp>

#include <filesystem>

namespace lapidary {

inline constexpr const char* samples_format = "lapidary samples 1";

/// `analysis/samples.json`, which `update_samples` writes, for the report. Throws Error(io), Error(format).
inline Json samples_section(const std::filesystem::path& run) {
    const auto samples = detail::read_if_there(run / "analysis" / "samples.json", samples_format);
    return samples ? *samples
                   : detail::missing_section(
                         "No samples yet: `report --run RUN --prompt TEXT` lets every checkpoint continue it.");
}

}  // namespace lapidary
