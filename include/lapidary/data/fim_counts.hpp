#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/json_value.hpp>

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
        windows += other.windows;
        segments += other.segments;
        psm += other.psm;
        spm += other.spm;
        untouched += other.untouched;
        not_text += other.not_text;
        special += other.special;
        reserved += other.reserved;
        lossy += other.lossy;
        truncated += other.truncated;
        padded += other.padded;
        cut_tokens += other.cut_tokens;
        pad_tokens += other.pad_tokens;
        return *this;
    }

    friend bool operator==(const FimCounts&, const FimCounts&) = default;

    [[nodiscard]] Json json() const {
        return {
            {"windows", windows},      {"segments", segments},   {"psm", psm},         {"spm", spm},
            {"untouched", untouched},  {"not_text", not_text},   {"special", special}, {"reserved", reserved},
            {"lossy", lossy},          {"truncated", truncated}, {"padded", padded},   {"cut_tokens", cut_tokens},
            {"pad_tokens", pad_tokens}};
    }
};

}  // namespace lapidary
