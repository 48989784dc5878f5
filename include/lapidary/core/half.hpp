#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace lapidary {

/// IEEE half precision as checkpoints store it: 5 exponent bits, 10 fraction bits. Only read, never computed with.
struct half {
    std::uint16_t bits = 0;

    explicit operator float() const {
        const std::uint32_t sign = (bits & 0x8000U) << 16, exponent = (bits >> 10) & 0x1fU,
                            fraction = bits & 0x3ffU;
        if (exponent == 0) return std::copysign(static_cast<float>(fraction) * 0x1p-24F, sign != 0 ? -1.0F : 1.0F);
        const std::uint32_t wide = exponent == 31 ? 0xffU : exponent + 112;
        return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
    }
};
static_assert(sizeof(half) == 2);

}  // namespace lapidary
