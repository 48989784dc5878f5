#pragma once

#include <lapidary/text/utf8.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

// GPT-2's spelling of bytes as visible characters: printable Latin-1 stands for itself, the other 68 bytes are
// U+0100, U+0101, ... in their order. A vocabulary of bytes is stored so.

namespace lapidary::detail {

/// The character that spells each byte.
inline constexpr std::array<char32_t, 256> byte_characters = [] {
    std::array<char32_t, 256> characters{};
    char32_t next = 0x100;
    for (char32_t byte = 0; byte < 256; ++byte) {
        const bool visible = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
        characters[byte] = visible ? byte : next++;
    }
    return characters;
}();

/// The byte that a character spells, -1 if it spells none.
inline constexpr std::array<int, 324> character_bytes = [] {
    std::array<int, 324> bytes{};
    bytes.fill(-1);
    for (int byte = 0; byte < 256; ++byte) bytes[byte_characters[static_cast<std::size_t>(byte)]] = byte;
    return bytes;
}();

/// `bytes` in that spelling.
inline std::string spell_bytes(std::string_view bytes) {
    std::string text;
    for (char byte : bytes) append_utf8(text, byte_characters[static_cast<unsigned char>(byte)]);
    return text;
}

/// The bytes that `text`, well-formed UTF-8, spells; nothing if a character spells none.
inline std::optional<std::string> read_spelled_bytes(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const char32_t point = utf8_code_point(text);
        if (point >= character_bytes.size() || character_bytes[point] < 0) return std::nullopt;
        bytes += static_cast<char>(character_bytes[point]);
        text.remove_prefix(utf8_length(text[0]));
    }
    return bytes;
}

}  // namespace lapidary::detail
