#pragma once

#include <lapidary/io/json.hpp>

#include <string>
#include <string_view>

namespace lapidary {

/// JSON that may stand inside an element `<script>` of a page, whatever its strings hold: `<`, `>` and `&`, which
/// could end the element or open a comment, and U+2028 and U+2029, which end lines in older scripts, are escaped.
/// Bytes that are not UTF-8 become U+FFFD. A parser of JSON reads the same value.
inline std::string script_json(const Json& value) {
    const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string safe;
    safe.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view rest = std::string_view(text).substr(i);
        if (text[i] == '<') {
            safe += "\\u003c";
        } else if (text[i] == '>') {
            safe += "\\u003e";
        } else if (text[i] == '&') {
            safe += "\\u0026";
        } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
            safe += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
            i += 2;
        } else {
            safe += text[i];
        }
    }
    return safe;
}

}  // namespace lapidary
