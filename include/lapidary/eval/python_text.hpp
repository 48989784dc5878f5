#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/text/utf8.hpp>

#include <string>
#include <string_view>

// What Python's `str` does to text, as far as prompts of evaluations need it. Texts are UTF-8.

namespace lapidary::python {

/// `str.isspace` of one character, which is `\s` of `re` as well.
constexpr bool is_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Bytes of the space at the start of `text`; 0: it starts with none.
constexpr std::size_t space_at_start(std::string_view text) {
    const std::size_t length = utf8_character(text);
    return length > 0 && is_space(utf8_code_point(text)) ? length : 0;
}

/// `len(text)`: its characters.
constexpr Index length(std::string_view text) {
    Index count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    return count;
}

/// `text.rstrip()`.
constexpr std::string_view rstrip(std::string_view text) {
    while (!text.empty()) {
        std::size_t start = text.size() - 1;
        while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
        if (space_at_start(text.substr(start)) == 0) break;
        text = text.substr(0, start);
    }
    return text;
}

/// `text.strip()`.
constexpr std::string_view strip(std::string_view text) {
    while (const std::size_t space = space_at_start(text)) text.remove_prefix(space);
    return rstrip(text);
}

/// `len(re.split(r"\s+", text))`: runs of space, and one.
constexpr Index words(std::string_view text) {
    Index count = 1;
    for (bool in_space = false; !text.empty();) {
        const std::size_t space = space_at_start(text);
        if (space > 0 && !in_space) ++count;
        in_space = space > 0;
        text.remove_prefix(space > 0 ? space : 1);
    }
    return count;
}

/// `text.replace(from, to)`; `from` must not be empty.
inline std::string replace(std::string_view text, std::string_view from, std::string_view to) {
    std::string result;
    for (;;) {
        const std::size_t found = text.find(from);
        result += text.substr(0, found);
        if (found == std::string_view::npos) return result;
        result += to;
        text.remove_prefix(found + from.size());
    }
}

/// `text.capitalize()`, for ASCII, Latin-1, Greek and Cyrillic letters; others stay as they are.
inline std::string capitalize(std::string_view text) {
    const auto is_lower = [](char32_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 0xE0 && c <= 0xFE && c != 0xF7) ||
               (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) || (c >= 0x430 && c <= 0x44F);
    };
    const auto is_upper = [](char32_t c) {
        return (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
               (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) || (c >= 0x410 && c <= 0x42F);
    };
    std::string result;
    bool first = true;
    while (!text.empty()) {
        const std::size_t size = utf8_character(text);
        if (size == 0) {
            result += text[0];
        } else {
            char32_t c = utf8_code_point(text);
            if (first && is_lower(c)) c -= 0x20;
            if (!first && is_upper(c)) c += 0x20;
            append_utf8(result, c);
        }
        text.remove_prefix(size == 0 ? 1 : size);
        first = false;
    }
    return result;
}

}  // namespace lapidary::python
