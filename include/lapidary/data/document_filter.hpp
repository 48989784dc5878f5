#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/discards.hpp>
#include <lapidary/data/languages.hpp>
#include <lapidary/data/recipe.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

namespace lapidary {

namespace detail {

/// What filters ask of a text, which must be well-formed UTF-8.
struct CharacterCounts {
    Index characters = 0;
    Index letters = 0;  ///< letters and digits of ASCII, and all characters beyond it
    Index lines = 1;
    Index longest_line = 0;

    explicit CharacterCounts(std::string_view text) {
        Index line = 0;
        for (const char byte : text) {
            const auto value = static_cast<unsigned char>(byte);
            if ((value & 0xC0U) == 0x80U) continue;  // not the first byte of a character
            ++characters;
            const bool letter = (value | 0x20U) >= 'a' && (value | 0x20U) <= 'z';
            if (value >= 0x80U || letter || (value >= '0' && value <= '9')) ++letters;
            if (byte == '\n') {
                ++lines;
                line = 0;
            } else {
                longest_line = std::max(longest_line, ++line);
            }
        }
        if (text.ends_with('\n')) --lines;  // it ends the last line
    }
};

}  // namespace detail

/// Why the file is not taken for its name, if it is not.
inline std::optional<Discard> discard_by_name(const DocumentFilter& filter, const std::filesystem::path& file) {
    const auto has = [](const std::vector<std::string>& list, std::string_view value) {
        return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    if (!has(filter.languages, language_of(file))) return Discard::another_language;
    if (!has(filter.extensions, without_compression(file).extension().string())) return Discard::another_extension;
    return std::nullopt;
}

/// Why a document is not taken for its text, if it is not: the first reason in the order of `Discard`. The text
/// must be well-formed UTF-8 and not empty.
inline std::optional<Discard> discard_by_text(const DocumentFilter& filter, std::string_view text) {
    const bool any = filter.min_characters > 0 || filter.max_characters > 0 || filter.min_alphanumeric > 0 ||
                     filter.max_line_characters > 0 || filter.max_mean_line_characters > 0;
    if (!any) return std::nullopt;
    const detail::CharacterCounts counts(text);
    const auto share = [](Index part, Index whole) {
        return static_cast<double>(part) / static_cast<double>(whole);
    };
    if (counts.characters < filter.min_characters) return Discard::few_characters;
    if (filter.max_characters > 0 && counts.characters > filter.max_characters) return Discard::many_characters;
    if (share(counts.letters, counts.characters) < filter.min_alphanumeric) return Discard::few_letters;
    if (filter.max_line_characters > 0 && counts.longest_line > filter.max_line_characters)
        return Discard::long_line;
    const Index without_newlines = counts.characters - std::count(text.begin(), text.end(), '\n');
    if (filter.max_mean_line_characters > 0 &&
        share(without_newlines, counts.lines) > filter.max_mean_line_characters) {
        return Discard::long_lines;
    }
    return std::nullopt;
}

}  // namespace lapidary
