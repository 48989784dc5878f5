#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

}  // namespace lapidary
