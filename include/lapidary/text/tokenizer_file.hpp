#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace lapidary::detail {

/// A part of a `tokenizer.json`: its value, and where it stands, for error messages (`FILE: model.merges[7]`).
struct FilePart {
    const Json& value;
    std::string where;
    bool is_file = false;  ///< it is all of it

    [[noreturn]] void refuse(const std::string& reason, ErrorCode code = ErrorCode::format) const {
        throw Error(code, "tokenizer", where + ": " + reason);
    }
    [[noreturn]] void not_supported(std::string_view what) const {
        refuse(quote(what) + " is not supported", ErrorCode::unsupported);
    }
    /// The value of a key. Throws Error(format) if it is missing or this is no object.
    [[nodiscard]] FilePart operator[](const std::string& key) const {
        if (!value.is_object()) refuse("must be an object");
        const auto found = value.find(key);
        if (found == value.end()) refuse(quote(key) + " is missing");
        return {*found, where + (is_file ? ": " : ".") + key};
    }
    [[nodiscard]] bool has(const std::string& key) const {
        if (!value.is_object()) refuse("must be an object");
        const auto found = value.find(key);
        return found != value.end() && !found->is_null();
    }
    /// The elements of an array.
    template <class Visit>
    void for_each(Visit&& visit) const {
        if (!value.is_array()) refuse("must be an array");
        std::size_t i = 0;
        for (const Json& element : value) visit(FilePart{element, where + "[" + std::to_string(i++) + "]"});
    }
    template <class T>
    [[nodiscard]] T get(const std::string& key) const {
        return lapidary::get<T>(value, key, where);
    }
    template <class T>
    [[nodiscard]] T get_or(const std::string& key, T fallback) const {
        return lapidary::get_or<T>(value, key, fallback, where);
    }
    [[nodiscard]] std::string type() const { return get<std::string>("type"); }
};

/// The parts of a component that may be a sequence of them: `{"type": "Sequence", "<key>": [...]}`, nested or not.
template <class Visit>
void for_each_part(const FilePart& part, const std::string& key, Visit&& visit) {
    if (part.value.is_null()) return;
    if (part.type() != "Sequence") return visit(part);
    part[key].for_each([&](const FilePart& inner) { for_each_part(inner, key, visit); });
}

/// How much a file may make of text by its replacements: beyond that it means harm.
inline constexpr std::size_t max_replacement = 64;
constexpr bool grows_too_much(std::size_t before, std::size_t after) { return after > 16 * before + 1024; }

/// A string that is put in place of others. Throws Error(unsupported) if it is longer than `max_replacement`
/// bytes.
inline std::string read_replacement(const FilePart& part, const std::string& key) {
    auto text = part.get<std::string>(key);
    if (text.size() > max_replacement) part[key].not_supported(text);
    return text;
}

/// One character, by default the one that stands for spaces (U+2581).
inline std::string read_character(const FilePart& part, const std::string& key) {
    auto text = part.get_or<std::string>(key, "\xE2\x96\x81");
    if (text.empty() || utf8_character(text) != text.size()) part[key].refuse("must be one character");
    return text;
}

/// The `{"String": "..."}` or `{"Regex": "..."}` of a part; `is_regex` tells which.
inline std::string read_pattern(const FilePart& part, bool& is_regex) {
    const FilePart pattern = part["pattern"];
    is_regex = pattern.has("Regex");
    const auto text = pattern.get<std::string>(is_regex ? "Regex" : "String");
    if (text.empty()) pattern.refuse("must not be empty");
    return text;
}

}  // namespace lapidary::detail
