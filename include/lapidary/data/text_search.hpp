#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/text_in_window.hpp>
#include <lapidary/data/text_query.hpp>
#include <lapidary/data/token_index.hpp>
#include <lapidary/data/token_scan.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// A text in a training window: the columns [from, to) decode to it, and maybe to a little more at the ends.
struct TextMatch {
    Index chunk = 0;
    Index row = 0;
    Index from = 0;
    Index to = 0;
    friend bool operator==(const TextMatch&, const TextMatch&) = default;
};

/// The first `limit` places where the training windows spell a text, in the order of chunks, rows and columns.
/// Neither the edge of a window nor the end of a document lies within one.
///
/// The ids of a text depend on what stands around it: SentencePiece puts a space in front of it, and its first and
/// last characters may be parts of longer tokens. So only the ids in its middle are looked for (see `TextQuery`),
/// by `index` where there is one and they are enough for it, else by reading all tokens; the windows that have
/// them are decoded, and those count that spell the whole text, byte by byte. A text without a middle is looked
/// for in all windows, decoded: complete, but thousands of times slower than the index, at a few million tokens a
/// second. `decode_all` asks for that, because the middle of a text without spaces may be written in other ids
/// elsewhere.
///
/// Throws Error(value) for a text that is empty or that the tokenizer cannot write, and what `TokenIndex` throws.
template <Tokenizer T>
std::vector<TextMatch> find_text(const T& tokenizer, const TokenChunks& chunks, const TokenIndex* index,
                                 std::string_view text, Index limit = no_limit, bool decode_all = false) {
    std::vector<TextMatch> found;
    const TextQuery query(tokenizer, text);
    const auto search = [&](Index chunk, Index row, std::span<const TokenId> window) {
        for (const auto& [from, to] : find_in_window(tokenizer, window, chunks.eos_id(), query.text())) {
            if (static_cast<Index>(found.size()) < limit) found.push_back({chunk, row, from, to});
        }
        return static_cast<Index>(found.size()) < limit;
    };
    // All matches of a window at once, however many places in it are candidates.
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(chunks.context()) + 1);
    Occurrence searched{-1, -1, 0};
    const auto candidate = [&](const Occurrence& place) {
        if (std::pair(searched.chunk, searched.row) == std::pair(place.chunk, place.row)) return true;
        searched = place;
        chunks.chunk(place.chunk).read(place.row, tokens.data());
        return search(place.chunk, place.row, tokens);
    };
    if (limit < 1) return found;
    const std::span<const TokenId> middle = query.middle();
    if (decode_all || middle.empty()) {
        for_each_window(chunks, [&](Index chunk, Index row, std::span<const TokenId> window) {
            return search(chunk, row, window);
        });
    } else if (index != nullptr) {
        index->for_each(middle, candidate);
    } else {
        scan_tokens(chunks, middle, candidate);
    }
    return found;
}

}  // namespace lapidary
