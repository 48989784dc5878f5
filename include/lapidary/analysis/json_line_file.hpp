#pragma once

#include <lapidary/data/line_reader.hpp>
#include <lapidary/io/json.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace lapidary {

/// Calls `visit(object, where)` for each line of a log of JSON objects; `where` is `file:line`. Returns false if
/// the last line has no end, as a crash leaves it: it is left out then. Throws Error(io), and Error(format) naming
/// file and line for one that is no JSON object.
template <class Visit>
bool each_logged_object(const std::filesystem::path& file, Visit&& visit) {
    LineReader lines(std::make_unique<FileSource>(file), file.string());
    Index before = 0;
    for (std::string line; lines.next(line); before = lines.offset()) {
        if (lines.offset() - before == static_cast<Index>(line.size())) return false;
        const std::string where = lines.where();
        const Json object = parse_json(line, where);
        if (!object.is_object()) throw Error(ErrorCode::format, "log", where + ": is not a JSON object");
        visit(object, where);
    }
    return true;
}

}  // namespace lapidary
