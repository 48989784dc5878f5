#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/json_value.hpp>

#include <array>
#include <string>
#include <utility>

namespace lapidary {

/// What `Fim` made of windows. Every segment that holds a token is counted once: `segments` is the sum of `psm`,
/// `spm`, `untouched`, `not_text`, `special`, `reserved` and `lossy`.
struct FimCounts {
    Index windows = 0;
    Index segments = 0;
    Index psm = 0;         ///< transformed: prefix, suffix, middle
    Index spm = 0;         ///< transformed: suffix, prefix and middle
    Index untouched = 0;   ///< left by the draw
    Index not_text = 0;    ///< left: cut inside a character, holds an unknown token, or decodes to nothing
    Index special = 0;     ///< left: holds a token that stands for no text
    Index reserved = 0;    ///< left: spells the end of a sequence, or one of FIM's own tokens
    Index lossy = 0;       ///< left: tokenized anew, a part would not give its text back
    Index truncated = 0;   ///< windows that lost tokens at their end
    Index padded = 0;      ///< windows that were filled up
    Index cut_tokens = 0;  ///< tokens lost so, the end of sequence behind the last among them
    Index pad_tokens = 0;  ///< padding

    FimCounts& operator+=(const FimCounts& other) {
        for (const auto& [name, count] : fields) this->*count += other.*count;
        return *this;
    }

    friend bool operator==(const FimCounts&, const FimCounts&) = default;

    [[nodiscard]] Json json() const {
        Json json = Json::object();
        for (const auto& [name, count] : fields) json[name] = this->*count;
        return json;
    }
    /// The counts that `json` gave. Throws Error(format) naming `where`.
    static FimCounts from(const Json& json, const std::string& where) {
        FimCounts counts;
        for (const auto& [name, count] : fields) counts.*count = get<Index>(json, name, where);
        return counts;
    }

private:
    static const std::array<std::pair<const char*, Index FimCounts::*>, 13> fields;
};

inline constexpr std::array<std::pair<const char*, Index FimCounts::*>, 13> FimCounts::fields{
    {{"windows", &FimCounts::windows},
     {"segments", &FimCounts::segments},
     {"psm", &FimCounts::psm},
     {"spm", &FimCounts::spm},
     {"untouched", &FimCounts::untouched},
     {"not_text", &FimCounts::not_text},
     {"special", &FimCounts::special},
     {"reserved", &FimCounts::reserved},
     {"lossy", &FimCounts::lossy},
     {"truncated", &FimCounts::truncated},
     {"padded", &FimCounts::padded},
     {"cut_tokens", &FimCounts::cut_tokens},
     {"pad_tokens", &FimCounts::pad_tokens}}};

}  // namespace lapidary
