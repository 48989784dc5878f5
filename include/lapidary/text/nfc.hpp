#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/text/unicode_tables.hpp>
#include <lapidary/text/utf8.hpp>

#include <utf8proc.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace lapidary::detail {

/// Whether a character surely stays, and all before it stays as it would without it: true of most text.
constexpr bool never_composes(char32_t c) {
    if (c < 0x300 || (c >= 0x388 && c <= 0x482)) return true;  // Latin, Greek, Cyrillic
    if (c < 0x2002) return false;
    return c <= 0x20CF || (c >= 0x3030 && c <= 0x9FFF && c != 0x3099 && c != 0x309A) ||  // signs, East Asia
           (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x1F000 && c <= 0x1FAFF);
}

/// Appends the composed form of a stretch of text that stands alone.
inline void append_composed(std::string& out, std::string_view text) {
    utf8proc_uint8_t* composed = nullptr;
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &composed,
                                     static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
    if (length < 0) throw Error(ErrorCode::memory, "encode", utf8proc_errmsg(length));
    out.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
}

/// Normalization form C of well-formed UTF-8, as of Unicode 9 whatever the library knows: `text` itself where
/// nothing changes, else in `storage`. Throws Error(memory).
inline std::string_view nfc(std::string_view text, std::string& storage) {
    std::size_t done = 0;      // bytes of the text that are in `storage`
    std::size_t previous = 0;  // where the last character began
    bool changed = false;
    for (std::size_t i = 0; i < text.size();) {
        if (static_cast<unsigned char>(text[i]) < 0xCCU || never_composes(utf8_code_point(text.substr(i)))) {
            previous = i;
            i += utf8_length(text[i]);
            continue;
        }
        // From the character before to the next that never composes: this may change, and by itself.
        std::size_t begin = previous;
        std::string composed;
        for (; i < text.size(); i += utf8_length(text[i])) {
            const char32_t c = utf8_code_point(text.substr(i));
            if (never_composes(c)) break;
            if (find_range(not_composed, c) == nullptr) continue;
            append_composed(composed, text.substr(begin, i - begin));
            begin = i + utf8_length(text[i]);
            composed.append(text.substr(i, begin - i));
        }
        append_composed(composed, text.substr(begin, i - begin));
        if (composed != text.substr(previous, i - previous)) {
            if (!changed) storage.clear();
            changed = true;
            storage.append(text.substr(done, previous - done)).append(composed);
            done = i;
        }
        previous = i;
    }
    if (!changed) return text;
    storage.append(text.substr(done));
    return storage;
}

}  // namespace lapidary::detail
