#pragma once

#include <lapidary/eval/json_rows.hpp>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

/// The documents of a file, stored in any way `decoded` can read: of JSON Lines (a name with `.jsonl` in it) the
/// strings under `text`, one a line; of any other file the whole of it. Throws Error(io), Error(format) naming
/// file, line and key.
inline std::vector<std::string> read_texts(const std::filesystem::path& file) {
    std::vector<std::string> documents;
    if (file.filename().string().find(".jsonl") != std::string::npos) {
        each_json_row(file, [&](const Json& row, const std::string& where) {
            documents.push_back(get<std::string>(row, "text", where));
        });
        if (documents.empty()) throw Error(ErrorCode::format, "evaluate", file.string() + ": holds no text");
        return documents;
    }
    const auto bytes = decoded(std::make_unique<FileSource>(file), file.string());
    std::array<char, 65536> buffer{};
    documents.emplace_back();
    while (const std::size_t count = bytes->read(buffer)) documents.back().append(buffer.data(), count);
    if (documents.back().empty()) throw Error(ErrorCode::format, "evaluate", file.string() + ": holds no text");
    return documents;
}

}  // namespace lapidary
