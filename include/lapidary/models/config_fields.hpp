#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/nn/check_options.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// A config struct lists the keys of its config.json once, in a member function template `fields(f)`, and each of
// the three classes here runs it: one reads a file, one writes it, one checks the struct. What `f` offers:
// - `integer(key, value, least, most)`, `number(key, value)`, `flag(key, value)`: must be there;
// - `defaults(value, other)`: before a file is read, `value` becomes `other`, a field read before;
// - `integer_or(key, value, least, most)`, `number_or`, `flag_or`: where the file says nothing, the value stays;
// - `nullable(key, value, none, least, most)`: absent or null means `none`, and `none` is written as null;
// - `choice(key, value, {{"name", v}, ...})`: one of the names, or nothing; the first name of a value is written;
// - `constant(key, json)`: the family has no other; must be equal where it is there, or null; written;
// - `written(key, json)`: for the readers of the file alone;
// - `renamed(key, old)`: older files say `old`;
// - `inside(key, [&](auto& g) {...})`: the keys of a nested object, if it is there; written as one;
// - `rule(holds, key, value, "divide ...")`: what values must fulfil together.

namespace lapidary {

template <class T>
using Choices = std::initializer_list<std::pair<std::string_view, T>>;

namespace detail {

inline std::string range_sentence(Index least, Index most) {
    return "be in [" + std::to_string(least) + ", " + std::to_string(most) + "]";
}

}  // namespace detail

/// Reads. Throws Error(format) naming the file and the key for what is missing, of another type or out of its
/// range, Error(unsupported) for what the family has no other value for.
class ConfigReader {
public:
    ConfigReader(Json json, std::string where) : json_(std::move(json)), where_(std::move(where)) {}

    void integer(const std::string& key, Index& value, Index least, Index most) {
        value = get<Index>(json_, key, where_);
        rule(value >= least && value <= most, key, value, detail::range_sentence(least, most));
    }
    void number(const std::string& key, double& value) { value = get<double>(json_, key, where_); }
    void flag(const std::string& key, bool& value) { value = get<bool>(json_, key, where_); }
    template <class T>
    void defaults(T& value, const T& other) {
        value = other;
    }
    void integer_or(const std::string& key, Index& value, Index least, Index most) {
        if (there(key)) integer(key, value, least, most);
    }
    void number_or(const std::string& key, double& value) {
        if (there(key)) number(key, value);
    }
    void flag_or(const std::string& key, bool& value) {
        if (there(key)) flag(key, value);
    }
    void nullable(const std::string& key, Index& value, Index none, Index least, Index most) {
        value = none;
        const bool written_out = none < 0 && there(key) && json_[key] == Json(none);  // as Meta's files have -1
        if (there(key) && !written_out) integer(key, value, least, most);
    }
    void nullable(const std::string& key, double& value, double none) {
        value = none;
        number_or(key, value);
    }
    template <class T>
    void choice(const std::string& key, T& value, std::type_identity_t<Choices<T>> choices) {
        if (!there(key)) return;
        const auto name = get<std::string>(json_, key, where_);
        std::string known;
        for (const auto& [text, meaning] : choices) {
            if (name == text) {
                value = meaning;
                return;
            }
            known += (known.empty() ? "'" : ", '") + std::string(text) + "'";
        }
        refuse(key, Json(name), known);
    }
    void constant(const std::string& key, const Json& wanted) {
        if (!there(key)) return;
        const Json got = get<Json>(json_, key, where_);
        if (got != wanted) refuse(key, got, wanted.dump());
    }
    void written(const std::string&, const Json&) {}
    void renamed(const std::string& key, const std::string& old) {
        if (!json_.contains(key) && json_.contains(old)) json_[key] = json_[old];
    }
    template <class Fields>
    void inside(const std::string& key, Fields&& fields) {
        if (!there(key)) return;
        ConfigReader nested(get<Json>(json_, key, where_), where_ + ": '" + key + "'");
        nested.check_object();
        fields(nested);
    }
    template <class T>
    void rule(bool holds, const std::string& key, T value, const std::string& sentence) {
        if (holds) return;
        throw Error(ErrorCode::format, "config",
                    where_ + ": '" + key + "' is " + detail::number(value) + ": it must " + sentence);
    }
    /// Throws Error(format) unless the file holds an object.
    void check_object() const {
        if (!json_.is_object()) throw Error(ErrorCode::format, "config", where_ + ": is no JSON object");
    }

private:
    [[nodiscard]] bool there(const std::string& key) const { return json_.contains(key) && !json_[key].is_null(); }
    [[noreturn]] void refuse(const std::string& key, const Json& got, const std::string& supported) const {
        throw Error(ErrorCode::unsupported, "config",
                    where_ + ": '" + key + "' is " + got.dump() + ", supported is " + supported);
    }

    Json json_;
    std::string where_;
};

/// Writes.
class ConfigWriter {
public:
    [[nodiscard]] const Json& json() const { return json_; }

    void integer(const std::string& key, Index value, Index, Index) { json_[key] = value; }
    void number(const std::string& key, double value) { json_[key] = value; }
    void flag(const std::string& key, bool value) { json_[key] = value; }
    template <class T>
    void defaults(const T&, const T&) {}
    void integer_or(const std::string& key, Index value, Index, Index) { json_[key] = value; }
    void number_or(const std::string& key, double value) { json_[key] = value; }
    void flag_or(const std::string& key, bool value) { json_[key] = value; }
    void nullable(const std::string& key, Index value, Index none, Index, Index) {
        json_[key] = value == none ? Json(nullptr) : Json(value);
    }
    void nullable(const std::string& key, double value, double none) {
        json_[key] = value == none ? Json(nullptr) : Json(value);
    }
    template <class T>
    void choice(const std::string& key, T value, std::type_identity_t<Choices<T>> choices) {
        for (const auto& [text, meaning] : choices) {
            if (value != meaning) continue;
            json_[key] = text;
            return;
        }
    }
    void constant(const std::string& key, const Json& value) { json_[key] = value; }
    void written(const std::string& key, const Json& value) { json_[key] = value; }
    void renamed(const std::string&, const std::string&) {}
    template <class Fields>
    void inside(const std::string& key, Fields&& fields) {
        ConfigWriter nested;
        if (json_.contains(key)) nested.json_ = json_[key];
        fields(nested);
        json_[key] = nested.json();
    }
    template <class T>
    void rule(bool, const std::string&, T, const std::string&) {}

private:
    Json json_ = Json::object();
};

/// Checks a struct that a program filled in. Throws Error(value) naming the first field that is out of its range.
class ConfigChecker {
public:
    void integer(const std::string& key, Index value, Index least, Index most) {
        rule(value >= least && value <= most, key, value, detail::range_sentence(least, most));
    }
    void integer_or(const std::string& key, Index value, Index least, Index most) {
        integer(key, value, least, most);
    }
    void nullable(const std::string& key, Index value, Index none, Index least, Index most) {
        if (value != none) integer(key, value, least, most);
    }
    template <class Fields>
    void inside(const std::string&, Fields&& fields) {
        fields(*this);
    }
    template <class T>
    void rule(bool holds, const std::string& key, T value, const std::string& sentence) {
        detail::require_option(holds, "config", key, value, sentence);
    }
    template <class T>
    void defaults(const T&, const T&) {}
    void number(const std::string&, double) {}
    void flag(const std::string&, bool) {}
    void number_or(const std::string&, double) {}
    void flag_or(const std::string&, bool) {}
    void nullable(const std::string&, double, double) {}
    template <class T>
    void choice(const std::string&, T, std::type_identity_t<Choices<T>>) {}
    void constant(const std::string&, const Json&) {}
    void written(const std::string&, const Json&) {}
    void renamed(const std::string&, const std::string&) {}
};

}  // namespace lapidary
