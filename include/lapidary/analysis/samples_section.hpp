#pragma once

#include <lapidary/analysis/section.hpp>

#include <filesystem>

namespace lapidary {

inline constexpr const char* samples_format = "lapidary samples 1";

/// `analysis/samples.json`, which `update_samples` writes, for the report. Throws Error(io), Error(format).
inline Json samples_section(const std::filesystem::path& run) {
    const auto samples = detail::read_if_there(run / "analysis" / "samples.json", samples_format);
    if (samples) {
        const std::string where = (run / "analysis" / "samples.json").string();
        static_cast<void>(get<std::vector<std::string>>(*samples, "prompts", where));
        for (const Json& one : get<std::vector<Json>>(*samples, "checkpoints", where)) {
            static_cast<void>(get<std::vector<std::string>>(one, "texts", where));
        }
    }
    return samples ? detail::exact_in_script(*samples)
                   : detail::missing_section(
                         "No samples yet: `report --run RUN --prompt TEXT` lets every checkpoint continue it.");
}

}  // namespace lapidary
