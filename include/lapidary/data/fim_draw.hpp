#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>

namespace lapidary {

/// Where a segment stands: `source` and `epoch` are below 2^16, `window` counts within the source, `segment` is
/// the number of end-of-sequence ids before it in its window, below 2^24.
struct FimPlace {
    Index source = 0;
    Index epoch = 0;
    Index window = 0;
    Index segment = 0;
};

/// Where a text of n characters is cut into prefix, middle and suffix: before its characters `first` and `second`,
/// 0 <= first <= second <= n.
struct FimCut {
    Index first = 0;
    Index second = 0;

    friend bool operator==(const FimCut&, const FimCut&) = default;
};

/// What chance decides about one segment: a pure function of the seed and the place, and no two places share
/// numbers.
class FimDraw {
public:
    /// Throws Error(value) if the place is out of range.
    FimDraw(std::uint64_t seed, const FimPlace& place)
        : random_(seed, "fim", static_cast<std::uint64_t>(check("window", place.window, any))),
          first_(static_cast<std::uint64_t>(check("source", place.source, 16)) << 48 |
                 static_cast<std::uint64_t>(check("epoch", place.epoch, 16)) << 32 |
                 static_cast<std::uint64_t>(check("segment", place.segment, 24)) << 8) {}

    /// Whether a segment is transformed, if a share of `rate` is. One that is at some rate is at all higher ones.
    [[nodiscard]] bool transformed(double rate) const { return unit(numbers(0)[0]) < rate; }

    /// Whether its suffix comes first (SPM), if a share of `rate` of the transformed do.
    [[nodiscard]] bool spm(double rate) const { return unit(numbers(0)[1]) < rate; }

    /// The cut of a text of so many characters, at least 0: two independent uniform positions in [0,
    /// `characters`], sorted.
    [[nodiscard]] FimCut cut(Index characters) const {
        // The range of 64 bits is divided into equal stretches, and what is left over at its end is drawn again.
        // That happens once in 2^64 / characters draws, so 255 attempts suffice. Attempt 0 is not one: its numbers
        // are those of the two decisions above.
        const std::uint64_t positions = static_cast<std::uint64_t>(characters) + 1;
        const std::uint64_t stretch = std::numeric_limits<std::uint64_t>::max() / positions;
        for (std::uint64_t attempt = 1;; ++attempt) {
            const auto words = numbers(attempt);
            const std::uint64_t a = words[0] / stretch, b = words[1] / stretch;
            if (a >= positions || b >= positions) continue;
            return {static_cast<Index>(std::min(a, b)), static_cast<Index>(std::max(a, b))};
        }
    }

private:
    static constexpr int any = 63;  // bits: every number that is not negative

    static Index check(const char* name, Index value, int bits) {
        if (value < 0 || (bits < any && value >> bits != 0)) {
            throw Error(ErrorCode::value, "fim",
                        std::string(name) + " " + std::to_string(value) + " is not in [0, 2^" +
                            std::to_string(bits) + ")");
        }
        return value;
    }
    [[nodiscard]] std::array<std::uint64_t, 2> numbers(std::uint64_t attempt) const {
        const auto words = random_.bits(first_ + attempt);
        return {std::uint64_t{words[1]} << 32 | words[0], std::uint64_t{words[3]} << 32 | words[2]};
    }
    static double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1.0p-53; }

    Philox random_;
    std::uint64_t first_;
};

}  // namespace lapidary
