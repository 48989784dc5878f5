#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lapidary {

/// Length in bytes of the well-formed UTF-8 character at the start of `text`, 0 if there is none.
///
/// Well-formed as Unicode defines it (table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
constexpr std::size_t utf8_character(std::string_view text) {
    const auto byte = [&](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;  // 0 is never a continuation
    };
    const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    if (text.empty()) return 0;
    const unsigned lead = byte(0);
    if (lead < 0x80U) return 1;
    if (lead >= 0xC2U && lead <= 0xDFU) return continues(1) ? 2 : 0;
    if (lead >= 0xE0U && lead <= 0xEFU) {
        if (lead == 0xE0U && byte(1) < 0xA0U) return 0;  // overlong
        if (lead == 0xEDU && byte(1) > 0x9FU) return 0;  // surrogate
        return continues(1) && continues(2) ? 3 : 0;
    }
    if (lead >= 0xF0U && lead <= 0xF4U) {
        if (lead == 0xF0U && byte(1) < 0x90U) return 0;  // overlong
        if (lead == 0xF4U && byte(1) > 0x8FU) return 0;  // above U+10FFFF
        return continues(1) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

/// Byte offset of the first ill-formed UTF-8 sequence; `npos` if the text is well-formed.
inline std::size_t find_invalid_utf8(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        std::uint64_t word = 0;  // eight ASCII bytes at a time: most text is that
        if (text.size() - i >= sizeof word) {
            std::memcpy(&word, text.data() + i, sizeof word);
            if ((word & 0x8080808080808080ULL) == 0) {
                i += sizeof word;
                continue;
            }
        }
        const std::size_t length = utf8_character(text.substr(i));
        if (length == 0) return i;
        i += length;
    }
    return std::string_view::npos;
}

/// Whether all of `text` is well-formed UTF-8. The empty text is.
inline bool valid_utf8(std::string_view text) { return find_invalid_utf8(text) == std::string_view::npos; }

/// Length in bytes of the ill-formed sequence at the start of `text`, at least 1: the longest that could have
/// become a character with other bytes behind it (Unicode's maximal subpart). There must be no character at the
/// start.
constexpr std::size_t ill_formed_utf8(std::string_view text) {
    const auto byte = [&](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto within = [&](std::size_t i, unsigned low, unsigned high) {
        return byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead >= 0xE0U && lead <= 0xEFU)
        return within(1, lead == 0xE0U ? 0xA0 : 0x80, lead == 0xEDU ? 0x9F : 0xBF) ? 2 : 1;
    if (lead >= 0xF0U && lead <= 0xF4U) {
        if (!within(1, lead == 0xF0U ? 0x90 : 0x80, lead == 0xF4U ? 0x8F : 0xBF)) return 1;
        return within(2, 0x80, 0xBF) ? 3 : 2;
    }
    return 1;
}

/// Appends `text` to `out` with U+FFFD for every maximal ill-formed subpart, as Python's
/// `bytes.decode("utf-8", "replace")` does. An unfinished character at the end is left out if `more` is to come.
/// Returns how many bytes that are.
inline std::size_t append_valid_utf8(std::string& out, std::string_view text, bool more = false) {
    while (true) {
        const std::size_t bad = find_invalid_utf8(text);
        out.append(text.substr(0, bad));
        if (bad == std::string_view::npos) return 0;
        text.remove_prefix(bad);
        const std::size_t length = ill_formed_utf8(text);
        const auto lead = static_cast<unsigned char>(text[0]);
        if (more && length == text.size() && lead >= 0xC2U && lead <= 0xF4U) return length;
        out.append("\xEF\xBF\xBD");
        text.remove_prefix(length);
    }
}

/// The character at the start of `text`, which must be well-formed and not empty.
constexpr char32_t utf8_code_point(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
    const char32_t lead = byte(0);
    if (lead < 0x80U) return lead;
    if (lead < 0xE0U) return (lead & 0x1FU) << 6 | (byte(1) & 0x3FU);
    if (lead < 0xF0U) return (lead & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
    return (lead & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU);
}

/// Length in bytes of the character that starts with `lead`, in well-formed text.
constexpr std::size_t utf8_length(char lead) {
    const auto byte = static_cast<unsigned char>(lead);
    return byte < 0x80U ? 1 : byte < 0xE0U ? 2 : byte < 0xF0U ? 3 : 4;
}

/// Appends one character, which must be no surrogate and at most U+10FFFF.
inline void append_utf8(std::string& out, char32_t point) {
    const auto tail = [&](int shift) { return static_cast<char>(0x80U | ((point >> shift) & 0x3FU)); };
    if (point < 0x80U) {
        out += static_cast<char>(point);
    } else if (point < 0x800U) {
        out += {static_cast<char>(0xC0U | point >> 6), tail(0)};
    } else if (point < 0x10000U) {
        out += {static_cast<char>(0xE0U | point >> 12), tail(6), tail(0)};
    } else {
        out += {static_cast<char>(0xF0U | point >> 18), tail(12), tail(6), tail(0)};
    }
}

}  // namespace lapidary
