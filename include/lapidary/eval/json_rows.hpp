#pragma once

#include <lapidary/data/decoded.hpp>
#include <lapidary/data/line_reader.hpp>
#include <lapidary/io/json.hpp>

#include <filesystem>
#include <string>
#include <utility>

namespace lapidary {

/// Calls `row(json, where)` for each line of a JSON Lines file, stored in any way `decoded` can read; `where` is
/// `file:line`. Empty lines are passed over. Throws Error(io), and Error(format) for a line that is not JSON.
template <class Row>
void each_json_row(const std::filesystem::path& file, Row&& row) {
    LineReader lines(decoded(std::make_unique<FileSource>(file), file.string()), file.string());
    for (std::string line; lines.next(line);) {
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        const std::string where = lines.where();
        row(parse_json(line, where), where);
    }
}

/// The file of a set in the directory that holds them all, under the first of its usual names that is there.
/// Throws Error(io) naming the first of them.
inline std::filesystem::path find_set(const std::filesystem::path& data,
                                      std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (std::filesystem::exists(data / name)) return data / name;
    }
    throw Error(ErrorCode::io, "evaluate", (data / *names.begin()).string() + ": there is no such file");
}

}  // namespace lapidary
