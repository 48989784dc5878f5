#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace lapidary {

namespace detail {

__extension__ using Uint128 = unsigned __int128;

/// 10^n, or, if that is larger, a number above 10^38.
inline Uint128 power_of_ten(int n) {
    Uint128 power = 1;
    for (int i = 0; i < n && i < 38; ++i) power *= 10;
    return power;
}

/// The integer nearest to numerator / denominator, a half rounded up.
inline Uint128 rounded_quotient(Uint128 numerator, Uint128 denominator) {
    const Uint128 rest = numerator % denominator;
    return numerator / denominator + (rest >= denominator - rest ? 1 : 0);
}

}  // namespace detail

/// A number as people write it: digits * 10^exponent, exactly. 0.04325, which no binary fraction equals, is 4325
/// and -5.
struct Decimal {
    std::uint64_t digits = 0;  ///< at most 17 of them
    int exponent = 0;
    bool operator==(const Decimal&) const = default;
};

/// The shortest decimal that reads back as `value`: what was written in a file, if that had at most 15 digits.
/// Throws Error(value) unless it is finite and not negative.
inline Decimal decimal(double value) {
    if (!std::isfinite(value) || value < 0) {
        throw Error(ErrorCode::value, "decimal", std::to_string(value) + " is no finite number from 0");
    }
    if (value == 0) return {};  // of either sign
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    Decimal result;
    const std::string_view all(text, static_cast<std::size_t>(written.ptr - text));
    const std::size_t mark = all.find('e');
    for (char c : all.substr(0, mark)) {
        if (c != '.') result.digits = 10 * result.digits + static_cast<std::uint64_t>(c - '0');
    }
    const char* first = text + mark + (all[mark + 1] == '+' ? 2 : 1);
    std::from_chars(first, written.ptr, result.exponent);
    result.exponent -= mark > 1 ? static_cast<int>(mark) - 2 : 0;  // places behind the point
    return result;
}

/// The integer nearest to factor * count, where `factor` counts as the decimal that it was written as; a half is
/// rounded up. Throws Error(value) if `factor` is negative or not finite, `count` negative, or the product beyond
/// 63 bits.
inline Index rounded_product(double factor, Index count) {
    const Decimal exact = decimal(factor);
    if (count < 0) throw Error(ErrorCode::value, "rounded_product", "a count of " + std::to_string(count));
    const auto limit = static_cast<detail::Uint128>(std::numeric_limits<Index>::max());
    const detail::Uint128 product =
        static_cast<detail::Uint128>(exact.digits) * static_cast<detail::Uint128>(count);
    const detail::Uint128 power = detail::power_of_ten(std::abs(exact.exponent));
    // Digits and count have at most 57 and 63 bits, so no step wraps.
    if (exact.exponent > 0 && product > limit / power) {
        throw Error(ErrorCode::value, "rounded_product",
                    std::to_string(factor) + " times " + std::to_string(count) + " is beyond 63 bits");
    }
    const detail::Uint128 result = exact.exponent > 0 ? product * power : detail::rounded_quotient(product, power);
    if (result > limit) {
        throw Error(ErrorCode::value, "rounded_product",
                    std::to_string(factor) + " times " + std::to_string(count) + " is beyond 63 bits");
    }
    return static_cast<Index>(result);
}

}  // namespace lapidary
