#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace lapidary {

/// IEEE half precision as checkpoints store it: 5 exponent bits, 10 fraction bits. Only read, never computed with.
struct half {
    std::uint16_t bits = 0;

    explicit operator float() const {
        const int exponent = (bits >> 10) & 0x1f;
        const auto fraction = static_cast<float>(bits & 0x3ff);
        float magnitude = 0;
        if (exponent == 0) {
            magnitude = std::ldexp(fraction, -24);
        } else if (exponent == 31) {
            magnitude = fraction == 0 ? INFINITY : NAN;
        } else {
            magnitude = std::ldexp(1024 + fraction, exponent - 25);
        }
        return (bits & 0x8000) != 0 ? -magnitude : magnitude;
    }
};
static_assert(sizeof(half) == 2);

}  // namespace lapidary
