#pragma once

#include <lapidary/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace lapidary {

/// Every extent, offset and count. Signed, so that differences and loops behave; 64 bits, so that
/// layers x batch x heads x T x T never wraps.
using Index = std::int64_t;

/// The extents of a row-major array. Rank is static, extents are not.
template <std::size_t Rank>
using Shape = std::array<Index, Rank>;

/// `[2, 3, 4]`, as it appears in error messages.
inline std::string to_string(std::span<const Index> extents) {
    std::string text = "[";
    for (std::size_t i = 0; i < extents.size(); ++i) {
        if (i != 0) text += ", ";
        text += std::to_string(extents[i]);
    }
    return text + "]";
}

/// Number of elements. Throws Error(shape) on a negative extent or a product beyond 63 bits, so a hostile
/// file cannot make a small allocation out of a large shape.
inline Index element_count(std::span<const Index> extents) {
    Index count = 1;
    bool empty = false;
    for (Index extent : extents) {
        if (extent < 0) throw Error(ErrorCode::shape, "shape", "negative extent in " + to_string(extents));
        if (extent == 0) {
            empty = true;
        } else if (count > std::numeric_limits<Index>::max() / extent) {
            throw Error(ErrorCode::shape, "shape", "too many elements in " + to_string(extents));
        } else {
            count *= extent;
        }
    }
    return empty ? 0 : count;
}

/// Bytes of a row-major array of T. Throws Error(shape) as `element_count` does, also where the bytes do not fit
/// 63 bits.
template <class T>
std::size_t byte_count(std::span<const Index> extents) {
    const Index count = element_count(extents);
    if (count > std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(T))) {
        throw Error(ErrorCode::shape, "shape", "too many bytes in " + to_string(extents));
    }
    return static_cast<std::size_t>(count) * sizeof(T);
}

/// The smallest multiple of `unit` that is at least `value`.
constexpr Index round_up(Index value, Index unit) { return (value + unit - 1) / unit * unit; }

/// How many pieces of `unit` cover `value`.
constexpr Index ceil_div(Index value, Index unit) { return (value + unit - 1) / unit; }

}  // namespace lapidary
