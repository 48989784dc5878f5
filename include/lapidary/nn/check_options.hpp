#pragma once

#include <lapidary/core/parameters.hpp>

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

namespace lapidary::detail {

/// The largest extent of a layer: so bounded, sums of a few products of two extents are counted without overflow.
inline constexpr Index largest_extent = Index{1} << 30;

/// A number as it appears in messages, as short as its value allows.
template <class T>
std::string number(T value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// Throws Error(value) "[layer] option is value: it must <rule>" unless `holds`.
template <class T>
void require_option(bool holds, std::string_view layer, std::string_view option, T value, std::string_view rule) {
    if (holds) return;
    throw Error(ErrorCode::value, layer,
                std::string(option) + " is " + number(value) + ": it must " + std::string(rule));
}

inline void require_extent(std::string_view layer, std::string_view option, Index value) {
    require_option(value >= 1 && value <= largest_extent, layer, option, value, "be in [1, 2^30]");
}

/// A factor, a limit, a standard deviation.
inline void require_scale(std::string_view layer, std::string_view option, double value) {
    require_option(value >= 0 && std::isfinite(value), layer, option, value, "be finite and not negative");
}

/// How weights start.
inline void require_initializer(std::string_view layer, std::string_view option, const Initializer& initializer) {
    require_scale(layer, option, initializer.value);
}

/// What a norm adds to a mean of squares: positive, so that a row of zeros has a norm.
inline void require_epsilon(std::string_view layer, std::string_view option, double value) {
    require_option(value > 0 && value < 1, layer, option, value, "be in (0, 1)");
}

/// The base of rotary angles; they are computed in single precision.
inline void require_theta(std::string_view layer, std::string_view option, double value) {
    require_option(value >= 1 && value <= 1e38, layer, option, value, "be in [1, 1e38]");
}

}  // namespace lapidary::detail
