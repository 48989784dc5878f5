#pragma once

#include <lapidary/io/json.hpp>

#include <filesystem>
#include <string>
#include <system_error>

namespace lapidary {

inline constexpr const char* run_format = "lapidary run 1";

/// The compiler that built this program, for the record.
inline std::string compiler_name() {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

/// Reads `run/manifest.json`. Throws Error(io), Error(format) unless it is one.
inline Json read_manifest(const std::filesystem::path& run) {
    const std::filesystem::path file = run / "manifest.json";
    Json manifest = read_json(file);
    if (get<std::string>(manifest, "format", file.string()) != run_format) {
        throw Error(ErrorCode::format, "manifest", file.string() + ": the format is not '" + run_format + "'");
    }
    return manifest;
}

/// Records what defines a run in `run/manifest.json`, or, if the run exists, checks that it is continued under the
/// same definition.
///
/// `definition`: everything that decides the run's bits: model, data hashes, seeds, batch, lanes, schedule.
/// `details`: what is worth knowing but may change (versions, compiler, threads); they are those of the first
/// start. Throws Error(value) or Error(format) naming the file and the key that differs.
inline void record_manifest(const std::filesystem::path& run, const Json& definition, const Json& details) {
    const std::filesystem::path file = run / "manifest.json";
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
        write_json(file, {{"format", run_format}, {"definition", definition}, {"details", details}});
        return;
    }
    const Json recorded = get<Json>(read_manifest(run), "definition", file.string());
    for (const auto& [key, wanted] : definition.items()) {
        const Json got = get<Json>(recorded, key, file.string());
        if (got != wanted) {
            throw Error(ErrorCode::value, "manifest",
                        file.string() + ": the run was begun with '" + key + "' " + got.dump() + ", now it is " +
                            wanted.dump());
        }
    }
    for (const auto& [key, value] : recorded.items()) {
        if (!definition.contains(key)) {
            throw Error(
                ErrorCode::value, "manifest",
                file.string() + ": the run was begun with '" + key + "' " + value.dump() + ", now without");
        }
    }
}

}  // namespace lapidary
