#pragma once

#include <lapidary/analysis/section.hpp>
#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

namespace detail {

/// One value of every cell, a row a checkpoint.
inline Json cells_of(const Json& grid, const char* key) {
    Json rows = Json::array();
    for (const Json& row : grid) {
        rows.push_back(Json::array());
        for (const Json& cell : row) rows.back().push_back(shown(member(cell, key)));
    }
    return rows;
}

/// A letter of every cell, a string a checkpoint: whether all (a), part (p) or none (n) of the chunk had been
/// seen, or nobody knows (u).
inline Json seen_of(const Json& grid) {
    Json rows = Json::array();
    for (const Json& row : grid) {
        std::string letters;
        for (const Json& cell : row) {
            const Json seen = member(cell, "seen");
            letters += seen == "all" ? 'a' : seen == "part" ? 'p' : seen == "none" ? 'n' : 'u';
        }
        rows.push_back(letters);
    }
    return rows;
}

/// The mean of a value over the chunks of each checkpoint, sequences counted alike.
inline Json means_over_chunks(const Json& grid, const char* key) {
    Json means = Json::array();
    for (const Json& row : grid) {
        double sum = 0, count = 0;
        for (const Json& cell : row) {
            const Json value = member(cell, key), number = member(cell, "count");
            if (!value.is_number() || !number.is_number()) continue;
            sum += value.get<double>() * number.get<double>();
            count += number.get<double>();
        }
        means.push_back(shown(sum / count));  // none: null
    }
    return means;
}

/// What must be a matrix of one row a checkpoint; a page that draws half of it would mislead.
inline void check_rows(const Json& rows, std::size_t checkpoints, std::size_t columns, const std::string& what) {
    const bool fits = rows.is_array() && rows.size() == checkpoints &&
                      std::all_of(rows.begin(), rows.end(), [&](const Json& row) {
                          return row.is_array() && (columns == 0 || row.size() == columns);
                      });
    if (!fits) {
        throw Error(ErrorCode::format, "report",
                    what + " is not " + std::to_string(checkpoints) + " rows" +
                        (columns == 0 ? "" : " of " + std::to_string(columns)));
    }
}

}  // namespace detail

/// What the report draws of `analysis/memorization.json`, with at most `most` of its sequences. Throws Error(io),
/// Error(format) naming the file and what does not fit.
inline Json memorization_section(const std::filesystem::path& run, Index most = 200) {
    using namespace detail;
    const std::filesystem::path file = run / "analysis" / "memorization.json";
    const auto found = read_if_there(file, "lapidary memorization 1");
    if (!found)
        return missing_section("Not measured yet: `memorize --run RUN` writes analysis/memorization.json.");
    const std::string where = file.string();
    const auto checkpoints = get<std::vector<Json>>(*found, "checkpoints", where);
    const auto chunks = get<std::vector<Json>>(*found, "chunks", where);
    const Json grid = get<Json>(*found, "grid", where), histogram = get<Json>(*found, "histogram", where);
    check_rows(grid, checkpoints.size(), chunks.size(), where + ": 'grid'");
    check_rows(histogram, checkpoints.size(), 0, where + ": 'histogram'");

    Json result{{"checkpoints", checkpoints},
                {"chunks", chunks},
                {"score", cells_of(grid, "mean_score")},
                {"extractable", cells_of(grid, "extractable")},
                {"seen", seen_of(grid)},
                {"histogram", histogram},
                {"by_source", Json::object()}};
    for (const char* key : {"prefix", "continuation", "sequences", "prediction", "skipped"}) {
        result[key] = shown_all(member(*found, key), 6);
        if (const Json list = member(*found, key); list.is_array()) result[key] = list;
    }
    const Json by_source = member(*found, "by_source");
    if (by_source.is_object()) {
        for (const auto& [name, rows] : by_source.items()) {
            check_rows(rows, checkpoints.size(), chunks.size(), where + ": 'by_source'");
            result["by_source"][name] = {{"score", means_over_chunks(rows, "mean_score")},
                                         {"extractable", means_over_chunks(rows, "extractable")}};
        }
    }
    const Json by_position = member(*found, "by_position");
    if (!by_position.is_null()) {
        check_rows(by_position, checkpoints.size(), 0, where + ": 'by_position'");
        result["by_position"] = shown_all(by_position);
    }
    const Json correlation = member(*found, "correlation");
    for (const char* key : {"scores", "extractable"}) {
        const Json matrix = member(correlation, key);
        if (matrix.is_null()) continue;
        check_rows(matrix, checkpoints.size(), checkpoints.size(), where + ": 'correlation'");
        result["correlation"][key] = shown_all(matrix, 3);
    }
    result["memorized"] = Json::array();
    for (const Json& sequence : get_or<std::vector<Json>>(*found, "memorized", {}, where)) {
        if (static_cast<Index>(result["memorized"].size()) == most) break;
        result["memorized"].push_back(sequence);
    }
    return result;
}

}  // namespace lapidary
