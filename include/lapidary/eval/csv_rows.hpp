#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/file.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// The rows of a file of comma-separated values, as Python's `csv.reader` reads them: fields in quotes may hold
/// commas, ends of lines and quotes, written twice; ends of lines are `\n` whatever they were. Calls `row(fields,
/// where)`, `where` being `file:line` of its first line; empty lines are passed over. Throws Error(io), and
/// Error(format) for a quote that is never closed.
template <class Row>
void each_csv_row(const std::filesystem::path& file, Row&& row) {
    const std::string text = read_text(file);
    std::vector<std::string> fields{""};
    std::size_t line = 1, first = 1;
    bool quoted = false, fresh = true, any = false;  // fresh: nothing of this field was seen
    const auto end_row = [&] {
        if (any) row(fields, file.string() + ":" + std::to_string(first));
        fields.assign(1, "");
        fresh = true;
        any = false;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '\r') {
            if (i + 1 < text.size() && text[i + 1] == '\n') continue;
            c = '\n';
        }
        if (c == '\n') ++line;
        if (quoted) {
            const bool twice = c == '"' && i + 1 < text.size() && text[i + 1] == '"';
            if (c != '"' || twice) fields.back() += c;
            if (c == '"' && !twice) quoted = false;
            if (twice) ++i;
            continue;
        }
        if (c == '\n') {
            end_row();
            continue;
        }
        if (!any) first = line;
        any = true;
        if (c == '"' && fresh) {
            quoted = true;
        } else if (c == ',') {
            fields.emplace_back();
            fresh = true;
            continue;
        } else {
            fields.back() += c;
        }
        fresh = false;
    }
    if (quoted) {
        throw Error(ErrorCode::format, "csv",
                    file.string() + ":" + std::to_string(first) + ": a quote is opened and never closed");
    }
    end_row();
}

}  // namespace lapidary
