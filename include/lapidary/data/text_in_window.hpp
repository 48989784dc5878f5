#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/text/text_stream.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// Columns [from, to) of a window.
struct Columns {
    Index from = 0;
    Index to = 0;
    friend bool operator==(const Columns&, const Columns&) = default;
};

namespace detail {

/// Appends the columns of `ids`, which start at column `start` and end no document, that spell `text`.
template <Tokenizer T>
void find_in_document(const T& tokenizer, std::span<const TokenId> ids, Index start, std::string_view text,
                      std::vector<Columns>& found) {
    if (tokenizer.decode(ids).find(text) == std::string::npos) return;
    std::string decoded;
    std::vector<std::size_t> ends;  // of the decoded text, behind each id
    TextStream<T> stream(tokenizer);
    for (const TokenId id : ids) {
        decoded += stream.add(id);
        ends.push_back(decoded.size());
    }
    decoded += stream.finish();
    ends.back() = decoded.size();
    for (std::size_t at = decoded.find(text); at != std::string::npos; at = decoded.find(text, at + 1)) {
        // A stream may hold characters back, so that their ids come before those that give them out.
        auto first = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), at) - ends.begin());
        auto last =
            static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), at + text.size()) - ends.begin());
        while (first > 0 && tokenizer.decode(ids.first(first)).size() > at) --first;
        const auto spelt_before = [&](std::size_t id) {
            const std::string before = tokenizer.decode(ids.first(id));
            return before.size() >= at + text.size() && before.compare(at, text.size(), text) == 0;
        };
        while (last > first && spelt_before(last)) --last;
        // A special token within it would separate what only decoding puts side by side.
        const auto is_special = [&](TokenId id) {
            return tokenizer.decode(std::array{ids[last], id}) == tokenizer.decode(std::array{ids[last]});
        };
        const auto inner = ids.subspan(first, last - first);
        if (std::any_of(inner.begin(), inner.end(), is_special)) continue;
        found.push_back({start + static_cast<Index>(first), start + static_cast<Index>(last) + 1});
    }
}

}  // namespace detail

/// Where the ids of a window spell `text`, by ascending columns, overlapping ones too, but never across an
/// end-of-sequence id or another special token: the columns of the tokens that hold its first to its last byte.
template <Tokenizer T>
std::vector<Columns> find_in_window(const T& tokenizer, std::span<const TokenId> window, TokenId eos,
                                    std::string_view text) {
    std::vector<Columns> found;
    for (auto begin = window.begin(); begin != window.end();) {
        const auto end = std::find(begin, window.end(), eos);
        if (begin != end) {
            detail::find_in_document(tokenizer, std::span(begin, end), begin - window.begin(), text, found);
        }
        begin = end == window.end() ? end : end + 1;
    }
    return found;
}

}  // namespace lapidary
