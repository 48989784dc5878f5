#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/quote.hpp>

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// JSON whose objects keep the order of their keys. Looking up a key walks the object: to use an object with
/// thousands of keys, iterate over it once.
using Json = nlohmann::ordered_json;

namespace detail {

inline constexpr std::size_t json_depth_limit = 200;

/// `<where>: line L column C: `, both counted in bytes from 1.
inline std::string json_place(std::string_view text, std::size_t offset, const std::string& where) {
    const std::string_view before = text.substr(0, offset);
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
    return where + ": line " + std::to_string(lines + 1) + " column " + std::to_string(before.size() - start + 1) +
           ": ";
}

/// The reason in a message of nlohmann/json, without its number and place, printable and of bounded length.
inline std::string json_reason(std::string_view message) {
    const std::size_t syntax = message.find("syntax error");
    const std::size_t after_number = message.find("] ");
    if (syntax != std::string_view::npos) {
        message.remove_prefix(syntax);
    } else if (after_number != std::string_view::npos) {
        message.remove_prefix(after_number + 2);
    }
    const std::string quoted = quote(message, 200);
    return quoted.substr(1, quoted.rfind('\'') - 1);
}

/// Refuses what the parser would take for the end of the text (NUL) and nesting that would cost memory and stack.
inline void scan_json(std::string_view text, const std::string& where) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\0') throw Error(ErrorCode::format, "json", json_place(text, i, where) + "NUL byte");
        if (in_string) {
            if (c == '\\') {
                if (i + 1 < text.size() && text[i + 1] != '\0') ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > json_depth_limit) {
                throw Error(ErrorCode::format, "json",
                            json_place(text, i, where) + "nested deeper than " + std::to_string(json_depth_limit) +
                                " levels");
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
}

/// Builds a Json from parser events. The library's own builder looks for a duplicate at every key it adds, which
/// takes minutes on a vocabulary; this one looks once, when an object is complete.
class JsonBuilder final : public nlohmann::json_sax<Json> {
public:
    JsonBuilder(std::string_view text, const std::string& where) : text_(text), where_(where) {}

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(Json::number_integer_t value) override { return add(value); }
    bool number_unsigned(Json::number_unsigned_t value) override { return add(value); }
    bool number_float(Json::number_float_t value, const std::string& /*text*/) override { return add(value); }
    bool string(std::string& value) override { return add(std::move(value)); }
    bool binary(Json::binary_t& value) override { return add(std::move(value)); }
    bool key(std::string& value) override {
        open_.back().key = std::move(value);
        return true;
    }
    bool start_object(std::size_t /*size*/) override {
        open_.emplace_back().is_object = true;
        return true;
    }
    bool start_array(std::size_t /*size*/) override {
        open_.emplace_back();
        return true;
    }
    bool end_object() override {
        Json::object_t object = std::move(open_.back().object);
        open_.pop_back();
        keep_last_of_duplicates(object);
        return add(std::move(object));
    }
    bool end_array() override {
        Json::array_t array = std::move(open_.back().array);
        open_.pop_back();
        return add(std::move(array));
    }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& error) override {
        const std::size_t offset = std::min(position == 0 ? 0 : position - 1, text_.size());
        throw Error(ErrorCode::format, "json", json_place(text_, offset, where_) + json_reason(error.what()));
    }

    Json root;

private:
    struct Container {
        Json::object_t object;
        Json::array_t array;
        std::string key;  // of the value to come; used by objects only
        bool is_object = false;
    };

    template <class T>
    bool add(T&& value) {
        if (open_.empty()) {
            root = Json(std::forward<T>(value));
        } else if (open_.back().is_object) {
            open_.back().object.emplace_back(std::move(open_.back().key), Json(std::forward<T>(value)));
        } else {
            open_.back().array.push_back(Json(std::forward<T>(value)));
        }
        return true;
    }

    /// A key that appears again keeps its first position and takes its last value.
    static void keep_last_of_duplicates(Json::object_t& object) {
        std::vector<std::size_t> order(object.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        const auto entries = object.begin();
        const auto entry = [&](std::size_t i) -> auto& { return entries[static_cast<std::ptrdiff_t>(i)]; };
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return entry(a).first < entry(b).first; });
        std::vector<bool> dropped(object.size());
        bool any = false;
        for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
            if (entry(order[i]).first != entry(order[first]).first) {
                first = i;
                continue;
            }
            entry(order[first]).second = std::move(entry(order[i]).second);
            dropped[order[i]] = any = true;
        }
        if (!any) return;
        Json::object_t kept;
        for (std::size_t i = 0; i < dropped.size(); ++i) {
            if (!dropped[i]) kept.emplace_back(entry(i).first, std::move(entry(i).second));
        }
        object = std::move(kept);
    }

    std::string_view text_;
    const std::string& where_;
    std::vector<Container> open_;
};

}  // namespace detail

/// Parses JSON text: strict UTF-8, nothing after the value, at most 200 levels deep; of a key that an object
/// holds twice the last value counts. Throws Error(format): `[json] <where>: line L column C: reason`.
inline Json parse_json(std::string_view text, const std::string& where) {
    detail::scan_json(text, where);
    detail::JsonBuilder builder(text, where);
    Json::sax_parse(text.begin(), text.end(), &builder);
    return std::move(builder.root);
}

}  // namespace lapidary
