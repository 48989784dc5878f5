#pragma once

#include <lapidary/io/file.hpp>
#include <lapidary/io/json_parse.hpp>
#include <lapidary/io/json_value.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace lapidary {

/// Parses a file of JSON. Throws Error(io) if it cannot be read, Error(format) naming file, line and column if it
/// is not JSON.
inline Json read_json(const std::filesystem::path& path) { return parse_json(read_text(path), path.string()); }

/// Calls `visit(json, where)` for each line of a log of JSON Lines; `where` names file and line. A last line that
/// a crash cut off, without its end, does not count; returns whether there was none. Throws Error(io),
/// Error(format) naming the line.
template <class Visit>
bool each_logged_line(const std::filesystem::path& path, Visit&& visit) {
    const std::string text = read_text(path);
    std::size_t line = 0, begin = 0;
    for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string where = path.string() + ":" + std::to_string(++line);
        visit(parse_json(std::string_view(text).substr(begin, end - begin), where), where);
    }
    return begin == text.size();
}

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
