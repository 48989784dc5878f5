#pragma once

#include <lapidary/io/json.hpp>

#include <filesystem>
#include <string>

namespace lapidary {

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

/// Records what defines a run in `run/manifest.json`, or, if the run exists, checks that it is continued under the same
/// definition.
///
/// `definition`: everything that decides the run's bits: model, data hashes, seeds, batch, lanes, schedule. `details`:
/// what is worth knowing but may change (versions, compiler, threads); they are those of the first start. Throws
/// Error(value) naming the file and the key that differs.
inline void record_manifest(const std::filesystem::path& run, const Json& definition, const Json& details) {
    const std::filesystem::path file = run / "manifest.json";
    if (!std::filesystem::exists(file)) {
        write_json(file, {{"format", "lapidary run 1"}, {"definition", definition}, {"details", details}});
        return;
    }
    const Json recorded = get<Json>(read_json(file), "definition", file.string());
    for (const auto& [key, wanted] : definition.items()) {
        const Json got = get<Json>(recorded, key, file.string());
        if (got != wanted) {
            throw Error(ErrorCode::value, "manifest",
                        file.string() + ": the run was begun with '" + key + "' " + got.dump() + ", now it is " +
                            wanted.dump());
        }
    }
}

}  // namespace lapidary
