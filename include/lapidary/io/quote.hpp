#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lapidary {

/// `'text'` for an error message: bytes that are not printable ASCII become `\xNN` and at most `limit` bytes
/// are shown, so that a name or a token out of a hostile file can neither flood nor garble what a person reads.
inline std::string quote(std::string_view text, std::size_t limit = 80) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result = "'";
    for (char c : text.substr(0, limit)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            result += c;
        } else {
            result += "\\x";
            result += digits[byte >> 4];
            result += digits[byte & 15U];
        }
    }
    result += "'";
    if (text.size() > limit) result += "... (" + std::to_string(text.size()) + " bytes)";
    return result;
}

}  // namespace lapidary
