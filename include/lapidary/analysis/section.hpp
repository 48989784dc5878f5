#pragma once

#include <lapidary/io/json.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace lapidary::detail {

/// A section of the report whose input is not there: one line that says which program makes it.
inline Json missing_section(const std::string& sentence) { return {{"missing", sentence}}; }

/// A file of JSON that need not be there. Throws Error(io) and Error(format) for one that cannot be read, or whose
/// `format` is another than `format`.
inline std::optional<Json> read_if_there(const std::filesystem::path& file, const std::string& format) {
    std::error_code failure;
    if (!std::filesystem::exists(file, failure)) return std::nullopt;
    Json value = read_json(file);
    const std::string found = get<std::string>(value, "format", file.string());
    if (found != format) {
        throw Error(ErrorCode::format, "report",
                    file.string() + ": the format is " + quote(found) + ", expected '" + format + "'");
    }
    return value;
}

/// A number with the digits that a chart can show, which keeps the page small; null if it is not finite.
inline Json shown(double value, int digits = 5) {
    if (!std::isfinite(value)) return nullptr;
    char text[40];
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    return std::strtod(text, nullptr);
}

inline Json shown(const std::vector<double>& values, int digits = 5) {
    Json list = Json::array();
    for (double value : values) list.push_back(shown(value, digits));
    return list;
}

/// The same for a value of a file; what is no number becomes null.
inline Json shown(const Json& value, int digits = 4) {
    return value.is_number() ? shown(value.get<double>(), digits) : Json();
}

/// The same for all numbers of an array, and of arrays in it.
inline Json shown_all(const Json& values, int digits = 4) {
    if (!values.is_array()) return shown(values, digits);
    Json list = Json::array();
    for (const Json& value : values) list.push_back(shown_all(value, digits));
    return list;
}

/// The same value with integers beyond what a script's numbers hold exactly (2^53) as texts: seeds may be such.
inline Json exact_in_script(const Json& value) {
    constexpr std::uint64_t limit = std::uint64_t{1} << 53;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > limit) return value.dump();
    if (!value.is_structured()) return value;
    Json result = value;
    for (Json& one : result) one = exact_in_script(one);
    return result;
}

/// A member of an object, null where there is none: for what a page shows as far as it is there.
inline Json member(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? Json() : *found;
}

}  // namespace lapidary::detail
