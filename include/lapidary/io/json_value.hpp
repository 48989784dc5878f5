#pragma once

#include <lapidary/io/json_parse.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary {

namespace detail {

[[noreturn]] inline void throw_json_type(const Json& value, const std::string& place,
                                         const std::string& expected) {
    const std::string got = value.is_structured()
                                ? value.type_name()
                                : std::string(value.type_name()) + " " +
                                      json_reason(value.dump(-1, ' ', true, Json::error_handler_t::replace));
    throw Error(ErrorCode::format, "json", place + " must be " + expected + ", got " + got);
}

template <std::integral T>
T json_integer(const Json& value, const std::string& place) {
    bool fits = false;
    if (value.is_number_unsigned()) {
        fits = std::in_range<T>(value.template get<std::uint64_t>());
    } else if (value.is_number_integer()) {
        fits = std::in_range<T>(value.template get<std::int64_t>());
    } else {
        throw_json_type(value, place, "an integer");
    }
    if (!fits) {
        throw_json_type(value, place,
                        (std::is_signed_v<T> ? "an integer of " : "a non-negative integer of ") +
                            std::to_string(8 * sizeof(T)) + " bits");
    }
    return value.template get<T>();
}

/// One conversion for each kind of C++ type that a file's value may be asked for as.
template <class T>
struct JsonValue;

template <>
struct JsonValue<Json> {
    static Json from(const Json& value, const std::string& /*place*/) { return value; }
};

template <>
struct JsonValue<bool> {
    static bool from(const Json& value, const std::string& place) {
        if (!value.is_boolean()) throw_json_type(value, place, "true or false");
        return value.get<bool>();
    }
};

template <std::integral T>
struct JsonValue<T> {
    static T from(const Json& value, const std::string& place) { return json_integer<T>(value, place); }
};

template <std::floating_point T>
struct JsonValue<T> {
    static T from(const Json& value, const std::string& place) {
        if (!value.is_number()) throw_json_type(value, place, "a number");
        const T number = value.template get<T>();
        if (!std::isfinite(number)) throw_json_type(value, place, "a number within the range of its type");
        return number;
    }
};

template <>
struct JsonValue<std::string> {
    static std::string from(const Json& value, const std::string& place) {
        if (!value.is_string()) throw_json_type(value, place, "a string");
        return value.get<std::string>();
    }
};

template <class T>
struct JsonValue<std::vector<T>> {
    static std::vector<T> from(const Json& value, const std::string& place) {
        if (!value.is_array()) throw_json_type(value, place, "an array");
        std::vector<T> result;
        result.reserve(value.size());
        for (const Json& element : value) {
            result.push_back(JsonValue<T>::from(element, place + "[" + std::to_string(result.size()) + "]"));
        }
        return result;
    }
};

template <class T>
struct JsonValue<std::map<std::string, T>> {
    static std::map<std::string, T> from(const Json& value, const std::string& place) {
        if (!value.is_object()) throw_json_type(value, place, "an object");
        std::map<std::string, T> result;
        for (const auto& [key, element] : value.items()) {
            result.emplace(key, JsonValue<T>::from(element, place + "[" + quote(key) + "]"));
        }
        return result;
    }
};

}  // namespace detail

/// The value of a key, as bool, an integer, float, double, std::string, Json, or a std::vector or
/// std::map<std::string, ...> of these. Nothing is converted silently: 1.0 is no integer, 1 is no bool. Throws
/// Error(format) naming `where` and the key if it is missing, of another type or out of range.
template <class T>
T get(const Json& object, const std::string& key, const std::string& where) {
    if (!object.is_object()) detail::throw_json_type(object, where + ":", "an object");
    const auto found = object.find(key);
    if (found == object.end()) {
        throw Error(ErrorCode::format, "json", where + ": " + quote(key) + " is missing");
    }
    return detail::JsonValue<T>::from(*found, where + ": " + quote(key));
}

/// The same, but `fallback` if the key is missing or null, as Hugging Face configurations write what is not set.
template <class T>
T get_or(const Json& object, const std::string& key, T fallback, const std::string& where) {
    if (object.is_object()) {
        const auto found = object.find(key);
        if (found == object.end() || found->is_null()) return fallback;
    }
    return get<T>(object, key, where);
}

inline std::string get_or(const Json& object, const std::string& key, const char* fallback,
                          const std::string& where) {
    return get_or<std::string>(object, key, fallback, where);
}

}  // namespace lapidary
