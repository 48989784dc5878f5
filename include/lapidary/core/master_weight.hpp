#pragma once

#include <lapidary/core/bf16.hpp>

#include <cstdint>

namespace lapidary {

/// A float as a bf16 and what is missing: together 32 bits that hold it exactly. The bf16 is the nearest one, of
/// two equally near ones that of larger magnitude, so that the remainder alone tells which way it was rounded. Of
/// NaNs there is one: the sign and the payload of another would be lost in the rounding, or it would not be a NaN.
/// Source: the form is that of TransformerEngine's multi_tensor/adam.cu.
struct MasterWeight {
    bf16 weight;
    std::int16_t remainder = 0;

    MasterWeight() = default;
    LAPIDARY_HOST_DEVICE constexpr MasterWeight(bf16 high, std::int16_t low) : weight(high), remainder(low) {}
    LAPIDARY_HOST_DEVICE constexpr explicit MasterWeight(float value) {
        const auto bits = value == value ? __builtin_bit_cast(std::uint32_t, value) : 0x7fc00000U;
        weight = bf16::from_bits(static_cast<std::uint16_t>((bits + 0x8000U) >> 16));
        remainder = static_cast<std::int16_t>(bits & 0xffffU);
    }
    LAPIDARY_HOST_DEVICE constexpr explicit operator float() const {
        return __builtin_bit_cast(float, (static_cast<std::uint32_t>(weight.bits) << 16) +
                                             static_cast<std::uint32_t>(static_cast<std::int32_t>(remainder)));
    }
};

}  // namespace lapidary
