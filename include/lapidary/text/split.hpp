#pragma once

#include <lapidary/text/regex.hpp>
#include <lapidary/text/tokenizer_file.hpp>
#include <lapidary/text/unicode_tables.hpp>
#include <lapidary/text/utf8.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// What becomes of the matches of a pattern when text is split by them.
enum class SplitBehavior { removed, isolated, contiguous, merged_with_previous, merged_with_next };

inline SplitBehavior read_behavior(const FilePart& part, const std::string& fallback) {
    const auto name = part.get_or<std::string>("behavior", fallback);
    if (name == "Removed") return SplitBehavior::removed;
    if (name == "Isolated") return SplitBehavior::isolated;
    if (name == "Contiguous") return SplitBehavior::contiguous;
    if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
    if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
    part["behavior"].not_supported(name);
}

/// What text is split by: a regular expression, a string, or a class of characters.
class SplitPattern {
public:
    explicit SplitPattern(Regex regex) : regex_(std::move(regex)) {}
    explicit SplitPattern(std::string literal) : literal_(std::move(literal)) {}
    explicit SplitPattern(bool (*in_class)(char32_t)) : in_class_(in_class) {}

    /// Calls `match(begin, end)` for every match, leftmost first; one that is empty does not follow another
    /// directly.
    template <class Match>
    void for_each_match(std::string_view text, Match&& match) const {
        std::string storage;
        const std::string_view seen = regex_ ? with_stand_ins(text, storage) : text;
        std::size_t begin = 0;
        std::size_t end = 0;
        std::size_t last = std::string_view::npos;  // the end of the last match
        for (std::size_t from = 0; from < text.size() && find(seen, from, begin, end); from = end) {
            if (begin < end || begin != last) match(begin, end);
            last = end;
            if (begin == end) end += end < text.size() ? utf8_length(text[end]) : 1;
        }
    }

private:
    bool find(std::string_view text, std::size_t from, std::size_t& begin, std::size_t& end) const {
        if (regex_) return regex_->find(text, from, begin, end);
        if (in_class_ == nullptr) {
            begin = text.find(literal_, from);
            end = begin + literal_.size();
            return begin != std::string_view::npos;
        }
        for (begin = from; begin < text.size(); begin = end) {
            end = begin + utf8_length(text[begin]);
            if (in_class_(utf8_code_point(text.substr(begin)))) return true;
        }
        return false;
    }

    std::optional<Regex> regex_;
    std::string literal_;
    bool (*in_class_)(char32_t) = nullptr;
};

/// Splits text by a pattern.
struct Splitter {
    SplitPattern pattern;
    SplitBehavior behavior = SplitBehavior::isolated;
    bool invert = false;  ///< what lies between matches counts as match, and the other way round

    /// Calls `piece(begin, end)` for every piece of `text`, in order.
    template <class Piece>
    void split(std::string_view text, Piece&& piece) const {
        if (behavior == SplitBehavior::merged_with_next) return split_backwards(text, piece);
        std::size_t open = 0;    // where the piece that may still grow begins
        std::size_t closed = 0;  // and ends; empty: there is none
        bool previous = false;   // whether what was seen last is a match
        for_each_part(text, [&](std::size_t begin, std::size_t end, bool match) {
            const bool grows = behavior == SplitBehavior::contiguous
                                   ? match == previous
                                   : behavior == SplitBehavior::merged_with_previous && match && !previous;
            if (!grows || closed == open) {
                if (closed > open) piece(open, closed);
                open = begin;
            }
            closed = behavior == SplitBehavior::removed && match ? open : end;
            if (closed == open) open = closed = end;
            previous = match;
        });
        if (closed > open) piece(open, closed);
    }

private:
    /// The text as matches and what lies between them.
    template <class Visit>
    void for_each_part(std::string_view text, Visit&& visit) const {
        std::size_t done = 0;
        pattern.for_each_match(text, [&](std::size_t begin, std::size_t end) {
            if (done < begin) visit(done, begin, invert);
            visit(begin, end, !invert);
            done = end;
        });
        if (done < text.size()) visit(done, text.size(), invert);
    }

    template <class Piece>
    void split_backwards(std::string_view text, Piece&& piece) const {
        std::vector<std::pair<std::size_t, std::size_t>> parts, pieces;
        std::vector<bool> matches;
        for_each_part(text, [&](std::size_t begin, std::size_t end, bool match) {
            parts.emplace_back(begin, end);
            matches.push_back(match);
        });
        bool previous = false;
        for (std::size_t i = parts.size(); i-- > 0; previous = matches[i]) {
            if (matches[i] && !previous && !pieces.empty()) {
                pieces.back().first = parts[i].first;
            } else {
                pieces.push_back(parts[i]);
            }
        }
        for (std::size_t i = pieces.size(); i-- > 0;) piece(pieces[i].first, pieces[i].second);
    }
};

}  // namespace lapidary::detail
