#pragma once

#include <lapidary/data/decoded.hpp>
#include <lapidary/data/provenance.hpp>
#include <lapidary/data/source_text.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/text/open_tokenizer.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// About `length` bytes of a text from around `at`, whole characters, on one line.
inline std::string excerpt(std::string_view text, std::size_t at = 0, std::size_t length = 160) {
    const auto inside = [&](std::size_t i) { return i < text.size() && (text[i] & 0xC0) == 0x80; };
    std::size_t first = at < 40 ? 0 : at - 40;
    while (first > 0 && inside(first)) --first;
    std::size_t last = std::min(text.size(), first + length);
    while (inside(last)) ++last;
    std::string line(text.substr(first, last - first));
    for (char& c : line) {
        if ((c >= 0 && c < ' ') || c == 0x7f) c = ' ';
    }
    return (first > 0 ? "..." : "") + line + (last < text.size() ? "..." : "");
}

/// Documents as they are named in the output, in JSON; with `with_text`, passages of them read back from the
/// sources.
class DocumentReport {
public:
    DocumentReport(const lapidary::TokenChunks& chunks, bool with_text)
        : chunks_(&chunks),
          table_(chunks.directory()),
          source_(chunks.directory(), lapidary::decoded),
          tokenizer_(with_text ? std::optional(lapidary::open_tokenizer(chunks.directory())) : std::nullopt) {}

    /// The documents in columns [from, to) of a window; `text`: what their passages are to show, if not the
    /// window's beginning.
    lapidary::Json operator()(lapidary::Index chunk, lapidary::Index row, lapidary::Index from, lapidary::Index to,
                              std::string_view text = {}) {
        using namespace lapidary;
        Json list = Json::array();
        const WindowFile& windows = chunks_->chunk(chunk);
        std::vector<std::int32_t> ids(static_cast<std::size_t>(windows.context()) + 1);
        windows.read(row, ids.data());
        for (const DocumentPiece& piece : documents_of(windows.origin(row), windows.context(), table_)) {
            if (piece.to <= from || piece.from >= to) continue;
            const DocumentRow document = table_.row(piece.document);
            list.push_back({{"document", piece.document},
                            {"source", chunks_->sources()[static_cast<std::size_t>(document.label)]},
                            {"file", source_.files()[static_cast<std::size_t>(document.file)].path.string()},
                            {"line", document.line},
                            {"bytes", {document.begin, document.end}},
                            {"columns", {piece.from, piece.to}},
                            {"first_token", piece.offset}});
            if (!tokenizer_) continue;
            const std::string whole = source_.text(document);
            const auto own = std::span(ids).subspan(static_cast<std::size_t>(piece.from),
                                                    static_cast<std::size_t>(piece.to - piece.from));
            const std::size_t at =
                whole.find(text.empty() ? tokenizer_->decode(own.first(std::min(own.size(), std::size_t{24})))
                                        : std::string(text));
            list.back()["excerpt"] = excerpt(whole, at == std::string::npos ? 0 : at);
        }
        return list;
    }

private:
    const lapidary::TokenChunks* chunks_;
    lapidary::DocumentTable table_;
    lapidary::SourceText source_;
    std::optional<lapidary::AnyTokenizer> tokenizer_;
};

inline void print_documents(const lapidary::Json& documents) {
    for (const lapidary::Json& one : documents) {
        std::printf("    columns %ld-%ld: %s line %ld, bytes %ld-%ld, from its token %ld (document %ld, %s)\n",
                    one["columns"][0].get<long>(), one["columns"][1].get<long>(),
                    one["file"].get<std::string>().c_str(), one["line"].get<long>(), one["bytes"][0].get<long>(),
                    one["bytes"][1].get<long>(), one["first_token"].get<long>(), one["document"].get<long>(),
                    one["source"].get<std::string>().c_str());
        if (one.contains("excerpt")) std::printf("      %s\n", one["excerpt"].get<std::string>().c_str());
    }
}
