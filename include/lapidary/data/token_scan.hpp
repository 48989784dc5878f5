#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lapidary {

/// Where ids were found: from this column of this window on. In the order of chunks, rows and columns.
struct Occurrence {
    Index chunk = 0;
    Index row = 0;
    Index column = 0;
    friend auto operator<=>(const Occurrence&, const Occurrence&) = default;
};

inline constexpr Index no_limit = Index{1} << 60;

/// Calls `visit(chunk, row, tokens)` for every training window, in order, until it returns false.
template <class Visit>
void for_each_window(const TokenChunks& chunks, Visit visit) {
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(chunks.context()) + 1);
    for (Index chunk = 0; chunk < chunks.chunk_count(); ++chunk) {
        const WindowFile& file = chunks.chunk(chunk);
        const bool all = file.for_each_row([&](Index row) {
            file.read(row, tokens.data());
            return visit(chunk, row, std::span<const std::int32_t>(tokens));
        });
        if (!all) return;
    }
}

/// Calls `visit(occurrence)` for every place in the training windows where `ids` stand, in order, until it returns
/// false. Ids that a window's edge cuts are not found: no model saw them together. Reads all tokens, about 10^9 a
/// second. Throws Error(value) for no ids.
template <class Visit>
void scan_tokens(const TokenChunks& chunks, std::span<const TokenId> ids, Visit visit) {
    if (ids.empty()) throw Error(ErrorCode::value, "find", "there are no ids to look for");
    if (static_cast<Index>(ids.size()) > chunks.context() + 1) return;
    for_each_window(chunks, [&](Index chunk, Index row, std::span<const std::int32_t> tokens) {
        const auto last = tokens.end() - static_cast<std::ptrdiff_t>(ids.size()) + 1;  // behind the last place
        for (auto place = std::find(tokens.begin(), last, ids[0]); place != last;
             place = std::find(place + 1, last, ids[0])) {
            if (!std::equal(ids.begin(), ids.end(), place)) continue;
            if (!visit(Occurrence{chunk, row, place - tokens.begin()})) return false;
        }
        return true;
    });
}

/// The first `limit` places where `ids` stand, by reading all tokens. See `scan_tokens`.
inline std::vector<Occurrence> find_by_scan(const TokenChunks& chunks, std::span<const TokenId> ids,
                                            Index limit = no_limit) {
    std::vector<Occurrence> found;
    if (limit < 1) return found;
    scan_tokens(chunks, ids, [&](const Occurrence& occurrence) {
        found.push_back(occurrence);
        return static_cast<Index>(found.size()) < limit;
    });
    return found;
}

}  // namespace lapidary
