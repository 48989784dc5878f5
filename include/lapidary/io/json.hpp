#pragma once

#include <lapidary/io/file.hpp>
#include <lapidary/io/json_parse.hpp>
#include <lapidary/io/json_value.hpp>

#include <filesystem>
#include <string>

namespace lapidary {

/// Parses a file of JSON. Throws Error(io) if it cannot be read, Error(format) naming file, line and column if it
/// is not JSON.
inline Json read_json(const std::filesystem::path& path) { return parse_json(read_text(path), path.string()); }

/// Writes JSON for people: indented by 2, a newline at the end, keys in their order; the file is replaced durably.
/// NaN and infinity, for which JSON has no spelling, become null. Throws Error(io), and Error(value) for a string
/// that is not UTF-8.
inline void write_json(const std::filesystem::path& path, const Json& value) {
    std::string text;
    try {
        text = value.dump(2);
    } catch (const Json::exception& error) {
        throw Error(ErrorCode::value, "json", path.string() + ": " + detail::json_reason(error.what()));
    }
    write_file_durably(path, text + "\n");
}

}  // namespace lapidary
