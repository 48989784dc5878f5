#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/json_value.hpp>

#include <array>
#include <cstddef>
#include <numeric>
#include <string_view>

namespace lapidary {

/// Why a document is not trained on. The first group are faults, which a recipe may refuse; the second are
/// choices.
enum class Discard {
    malformed,  ///< not a JSON object on one line, or not a window of ids
    no_text,    ///< the text field is missing, given twice, or not a string
    bad_utf8,
    nul,  ///< a NUL byte: not text
    empty,
    too_long,  ///< more bytes than the limit
    duplicate,
    few_characters,
    many_characters,
    few_letters,        ///< too small a share of letters and digits
    long_line,          ///< a line has too many characters
    long_lines,         ///< lines have too many characters on average
    another_language,   ///< by the ending of the file's name
    another_extension,  ///< the same
    count_,
};

/// How many documents were left out for each reason.
class DiscardCounts {
public:
    static constexpr std::size_t reasons = static_cast<std::size_t>(Discard::count_);

    [[nodiscard]] Index& operator[](Discard reason) { return counts_[static_cast<std::size_t>(reason)]; }
    [[nodiscard]] Index operator[](Discard reason) const { return counts_[static_cast<std::size_t>(reason)]; }
    [[nodiscard]] Index total() const { return std::accumulate(counts_.begin(), counts_.end(), Index{0}); }
    DiscardCounts& operator+=(const DiscardCounts& other) {
        for (std::size_t i = 0; i < reasons; ++i) counts_[i] += other.counts_[i];
        return *this;
    }

    [[nodiscard]] Json json() const {
        Json object = Json::object();
        for (std::size_t i = 0; i < reasons; ++i) object[std::string(names[i])] = counts_[i];
        return object;
    }
    /// The counts that `json` wrote. Throws Error(format) naming `where`.
    static DiscardCounts from(const Json& object, const std::string& where) {
        DiscardCounts counts;
        for (std::size_t i = 0; i < reasons; ++i) {
            counts.counts_[i] = get<Index>(object, std::string(names[i]), where);
        }
        return counts;
    }

private:
    static constexpr std::array<std::string_view, reasons> names{
        "malformed",        "no_text",          "bad_utf8",        "nul",         "empty",     "too_long",
        "duplicate",        "few_characters",   "many_characters", "few_letters", "long_line", "long_lines",
        "another_language", "another_extension"};

    std::array<Index, reasons> counts_{};
};

}  // namespace lapidary
