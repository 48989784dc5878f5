#pragma once

#include <lapidary/core/host_device.hpp>

#include <cstdint>

namespace lapidary {

/// The upper half of an IEEE single: 8 exponent bits, 7 fraction bits. A storage type: arithmetic is done in
/// float. Conversion from float and from double rounds once, to nearest even; NaN stays NaN.
// Of std::bit_cast only the built-in underneath may be called from kernels.
struct bf16 {
    std::uint16_t bits = 0;

    bf16() = default;
    LAPIDARY_HOST_DEVICE constexpr explicit bf16(float value) : bits(round(value)) {}
    LAPIDARY_HOST_DEVICE constexpr explicit bf16(double value) : bits(round(sticky(value))) {}
    LAPIDARY_HOST_DEVICE constexpr explicit operator float() const {
        return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16);
    }
    LAPIDARY_HOST_DEVICE constexpr explicit operator double() const {
        return static_cast<double>(static_cast<float>(*this));
    }
    LAPIDARY_HOST_DEVICE static constexpr bf16 from_bits(std::uint16_t raw) {
        bf16 result;
        result.bits = raw;
        return result;
    }
    friend constexpr bool operator==(bf16 a, bf16 b) { return static_cast<float>(a) == static_cast<float>(b); }

private:
    // The float next to zero from `value`, its last bit set if anything was cut off: rounding that to bf16 rounds
    // once.
    LAPIDARY_HOST_DEVICE static constexpr float sticky(double value) {
        const auto nearest = static_cast<float>(value);
        const auto single = static_cast<double>(nearest);
        if (single == value || value != value) return nearest;
        const bool away = value < 0 ? single < value : single > value;
        return __builtin_bit_cast(float, (__builtin_bit_cast(std::uint32_t, nearest) - (away ? 1U : 0U)) | 1U);
    }
    LAPIDARY_HOST_DEVICE static constexpr std::uint16_t round(float value) {
        const auto word = __builtin_bit_cast(std::uint32_t, value);
        if ((word & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((word >> 16) | 0x0040U);
        return static_cast<std::uint16_t>((word + 0x7fffU + ((word >> 16) & 1U)) >> 16);
    }
};
static_assert(sizeof(bf16) == 2);

}  // namespace lapidary
