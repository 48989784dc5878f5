#pragma once

#include <lapidary/analysis/section.hpp>
#include <lapidary/core/error.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/io/sha256.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

namespace detail {

/// How many windows of a chunk file come from each of `count` sources.
inline std::vector<Index> windows_by_source(const std::filesystem::path& file, std::size_t count) {
    std::vector<Index> windows(count);
    const SafetensorsReader reader(file);
    const auto sources = reader.view<std::uint16_t, 1>("source");
    for (const std::uint16_t source : sources) {
        if (source >= count) {
            throw Error(
                ErrorCode::integrity, "report",
                file.string() + ": a window of source " + std::to_string(source) + " of " + std::to_string(count));
        }
        ++windows[source];
    }
    return windows;
}

}  // namespace detail

/// What a run was given to learn from: its sources, and how many windows of each every chunk holds, which is read
/// from the chunk files. `expected`: the hash of data.json that the run recorded; empty: none. Throws Error(io),
/// Error(format), Error(integrity) naming the file, and Error(value) for data that is not the run's.
inline Json data_section(const std::filesystem::path& directory, const std::string& expected = {}) {
    const std::filesystem::path file = directory / data_manifest;
    std::error_code failure;
    if (!std::filesystem::exists(file, failure)) {
        return detail::missing_section(
            "The data is not at hand: name its directory, which `prepare` makes, with --data DIR.");
    }
    const std::string where = file.string();
    const auto manifest = detail::read_if_there(file, data_format);
    if (!expected.empty() && sha256_file(file) != expected) {
        throw Error(ErrorCode::value, "report",
                    where + ": is not the data of this run, whose hash is " + expected);
    }
    const auto sources = get<std::vector<Json>>(*manifest, "sources", where);
    const auto context = get<Index>(*manifest, "context", where);
    Json chunks = Json::array();
    for (Index chunk = 0; chunk < get<Index>(*manifest, "chunks", where); ++chunk) {
        chunks.push_back(detail::windows_by_source(directory / chunk_file(chunk), sources.size()));
    }
    Json list = Json::array();
    for (const Json& source : sources) {
        list.push_back({{"name", get<std::string>(source, "name", where)},
                        {"documents", detail::member(source, "documents")},
                        {"tokens", detail::member(source, "tokens")},
                        {"windows", detail::member(source, "windows")},
                        {"held_out", detail::member(source, "validation_windows")},
                        {"unused", detail::member(source, "unused_windows")}});
    }
    auto inputs = get<std::vector<Json>>(*manifest, "inputs", where);  // a tree of sources has a million
    const std::size_t all = inputs.size();
    inputs.resize(std::min<std::size_t>(all, 500));
    return {{"context", context},
            {"vocabulary", get<Index>(*manifest, "vocabulary", where)},
            {"held_out", get<Index>(*manifest, "validation_windows", where)},
            {"recipe", detail::member(detail::member(*manifest, "recipe"), "name")},
            {"sources", list},
            {"chunks", chunks},
            {"files", get<Json>(*manifest, "sha256", where)},
            {"inputs", inputs},
            {"more_inputs", all - inputs.size()}};
}

}  // namespace lapidary
