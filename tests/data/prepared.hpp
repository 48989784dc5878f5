#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/document_table.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace lapidary::test {

/// A window by hand.
struct HandWindow {
    std::vector<TokenId> tokens;
    Index source = 0;
    Index document = 0;
    Index offset = 0;
    Index epoch = 0;
};

/// A prepared directory by hand.
struct HandData {
    Index context = 8;
    Index vocabulary = 100;
    std::vector<std::vector<HandWindow>> chunks;
    std::vector<DocumentRow> documents;
    std::vector<std::string> sources{"a"};
    Json inputs = Json::array({{{"file", "a.jsonl"}, {"sha256", ""}}});
};

inline void write_windows(const std::filesystem::path& file, const HandData& data,
                          const std::vector<HandWindow>& windows) {
    const auto n = static_cast<Index>(windows.size());
    std::vector<std::int64_t> document, offset;
    std::vector<std::uint16_t> tokens, source, epoch;
    for (const HandWindow& window : windows) {
        document.push_back(window.document);
        offset.push_back(window.offset);
        source.push_back(static_cast<std::uint16_t>(window.source));
        epoch.push_back(static_cast<std::uint16_t>(window.epoch));
        for (const TokenId id : window.tokens) tokens.push_back(static_cast<std::uint16_t>(id));
    }
    SafetensorsWriter writer(file, {{"document", DType::I64, {n}},
                                    {"offset", DType::I64, {n}},
                                    {"tokens", DType::U16, {n, data.context + 1}},
                                    {"source", DType::U16, {n}},
                                    {"epoch", DType::U16, {n}}});
    writer.append(std::span(document));
    writer.append(std::span(offset));
    writer.append(std::span(tokens));
    writer.append(std::span(source));
    writer.append(std::span(epoch));
    writer.finish();
}

inline void write_documents(const std::filesystem::path& directory, const std::vector<DocumentRow>& rows) {
    std::vector<std::int64_t> values;
    for (const DocumentRow& row : rows) {
        for (const std::int64_t value : {row.label, row.file, row.line, row.begin, row.end, row.start, row.tokens})
            values.push_back(value);
    }
    SafetensorsWriter writer(directory / documents_file,
                             {{"documents", DType::I64, {static_cast<Index>(rows.size()), 7}}});
    writer.append(std::span(values));
    writer.finish();
}

/// Writes it; all chunks must have as many windows.
inline void write_prepared(const std::filesystem::path& directory, const HandData& data) {
    std::filesystem::create_directories(directory);
    Json hashes = Json::object();
    const auto windows = [&](const std::string& name, const std::vector<HandWindow>& rows) {
        write_windows(directory / name, data, rows);
        hashes[name] = sha256_file(directory / name);
    };
    for (std::size_t c = 0; c < data.chunks.size(); ++c)
        windows(chunk_file(static_cast<Index>(c)), data.chunks[c]);
    windows(validation_file, {});
    write_documents(directory, data.documents);
    hashes[documents_file] = sha256_file(directory / documents_file);
    Json sources = Json::array();
    for (const std::string& name : data.sources) sources.push_back({{"name", name}});
    write_json(directory / data_manifest, {{"format", data_format},
                                           {"chunks", data.chunks.size()},
                                           {"context", data.context},
                                           {"vocabulary", data.vocabulary},
                                           {"eos", 2},
                                           {"windows_per_chunk", data.chunks.at(0).size()},
                                           {"validation_windows", 0},
                                           {"sources", sources},
                                           {"inputs", data.inputs},
                                           {"sha256", hashes}});
}

/// Documents laid end to end and cut into windows: lengths[s] are the tokens of source s's documents. Ids are
/// drawn, from `ids` different ones, and every document ends with the end-of-sequence id.
inline HandData cut_streams(const std::vector<std::vector<Index>>& lengths, Index context, Index stride,
                            std::size_t chunks, Index ids = 97) {
    HandData data;
    data.context = context;
    data.chunks.resize(chunks);
    data.sources.clear();
    data.inputs = Json::array();
    std::vector<HandWindow> windows;
    for (std::size_t s = 0; s < lengths.size(); ++s) {
        data.sources.push_back("source" + std::to_string(s));
        data.inputs.push_back({{"file", data.sources.back() + ".jsonl"}, {"sha256", ""}});
        const Philox draw(7, "test", s);
        const auto first = static_cast<Index>(data.documents.size());
        std::vector<TokenId> stream;
        for (const Index length : lengths[s]) {
            const auto start = static_cast<Index>(stream.size());
            const auto line = static_cast<Index>(data.documents.size()) - first + 1;
            data.documents.push_back(
                {static_cast<Index>(s), static_cast<Index>(s), line, 10 * line, 10 * line + 9, start, length});
            for (Index i = 1; i < length; ++i)
                stream.push_back(
                    static_cast<TokenId>(3 + draw.integer(stream.size()) % static_cast<std::uint64_t>(ids)));
            stream.push_back(2);
        }
        for (Index at = 0; at + context + 1 <= static_cast<Index>(stream.size()); at += stride) {
            HandWindow window;
            window.tokens.assign(stream.begin() + at, stream.begin() + at + context + 1);
            window.source = static_cast<Index>(s);
            window.document = first;
            while (data.documents[static_cast<std::size_t>(window.document)].start +
                       data.documents[static_cast<std::size_t>(window.document)].tokens <=
                   at)
                ++window.document;
            window.offset = at - data.documents[static_cast<std::size_t>(window.document)].start;
            windows.push_back(window);
        }
    }
    for (std::size_t i = 0; i < windows.size() / chunks * chunks; ++i)
        data.chunks[i % chunks].push_back(windows[i]);
    return data;
}

}  // namespace lapidary::test
