#pragma once

#include <lapidary/io/json_parse.hpp>

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace lapidary::detail {

/// Pulls one string field out of a JSON object without building the rest: a line's memory stays that of its
/// text however large or deep its other fields are. The whole line is still checked to be JSON.
class JsonTextField : public nlohmann::json_sax<nlohmann::json> {
public:
    enum class Outcome { found, nul, malformed, not_an_object, missing, not_a_string, twice };

    explicit JsonTextField(std::string_view field) : field_(field) {}

    /// Reads `line`; `text` and `reason` tell the rest.
    Outcome read(std::string_view line) {
        if (line.find('\0') != std::string_view::npos) return Outcome::nul;  // the parser takes it for the end
        const bool complete = nlohmann::json::sax_parse(line.begin(), line.end(), this);
        if (!complete) return Outcome::malformed;
        if (!object_) return Outcome::not_an_object;
        if (matches_ > 1) return Outcome::twice;
        if (matches_ == 0) return Outcome::missing;
        return is_text_ ? Outcome::found : Outcome::not_a_string;
    }
    [[nodiscard]] std::string& text() { return text_; }
    /// What the parser said about a malformed line.
    [[nodiscard]] const std::string& reason() const { return reason_; }

    bool null() override { return other(); }
    bool boolean(bool) override { return other(); }
    bool number_integer(std::int64_t) override { return other(); }
    bool number_unsigned(std::uint64_t) override { return other(); }
    bool number_float(double, const std::string&) override { return other(); }
    bool binary(nlohmann::json::binary_t&) override { return other(); }
    bool string(std::string& value) override {
        if (wanted_) {
            text_ = std::move(value);
            is_text_ = true;
        }
        return other();
    }
    bool start_object(std::size_t) override {
        if (depth_++ == 0) object_ = true;
        wanted_ = false;
        return true;
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override {
        ++depth_;
        wanted_ = false;
        return true;
    }
    bool end_array() override { return close(); }
    bool key(std::string& name) override {
        wanted_ = object_ && depth_ == 1 && name == field_;
        if (wanted_) ++matches_;
        return true;
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
        reason_ = json_reason(error.what());
        return false;
    }

private:
    bool other() {
        wanted_ = false;
        return true;
    }
    bool close() {
        --depth_;
        return true;
    }

    std::string_view field_;
    std::string text_;
    std::string reason_;
    std::int64_t depth_ = 0;
    int matches_ = 0;
    bool object_ = false;
    bool wanted_ = false;
    bool is_text_ = false;
};

}  // namespace lapidary::detail
