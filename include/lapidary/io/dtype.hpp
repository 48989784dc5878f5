#pragma once

#include <lapidary/core/bf16.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace lapidary {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and are read without conversion");

/// The element types of safetensors files.
enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL };

namespace detail {

struct DTypeEntry {
    std::string_view name;
    std::size_t size;
};

/// In the order of DType.
inline constexpr std::array<DTypeEntry, 13> dtype_table{{{"F64", 8},
                                                         {"F32", 4},
                                                         {"F16", 2},
                                                         {"BF16", 2},
                                                         {"I64", 8},
                                                         {"I32", 4},
                                                         {"I16", 2},
                                                         {"I8", 1},
                                                         {"U64", 8},
                                                         {"U32", 4},
                                                         {"U16", 2},
                                                         {"U8", 1},
                                                         {"BOOL", 1}}};

template <class T>
constexpr DType find_dtype() {
    if constexpr (std::is_same_v<T, double>)
        return DType::F64;
    else if constexpr (std::is_same_v<T, float>)
        return DType::F32;
    else if constexpr (std::is_same_v<T, bf16>)
        return DType::BF16;
    else if constexpr (std::is_same_v<T, std::int64_t>)
        return DType::I64;
    else if constexpr (std::is_same_v<T, std::int32_t>)
        return DType::I32;
    else if constexpr (std::is_same_v<T, std::int16_t>)
        return DType::I16;
    else if constexpr (std::is_same_v<T, std::int8_t>)
        return DType::I8;
    else if constexpr (std::is_same_v<T, std::uint64_t>)
        return DType::U64;
    else if constexpr (std::is_same_v<T, std::uint32_t>)
        return DType::U32;
    else if constexpr (std::is_same_v<T, std::uint16_t>)
        return DType::U16;
    else {
        static_assert(std::is_same_v<T, std::uint8_t>,
                      "dtype_of: no element type of safetensors is this C++ type");
        return DType::U8;
    }
}

}  // namespace detail

/// As it is spelled in files: `F32`.
constexpr std::string_view dtype_name(DType dtype) {
    return detail::dtype_table[static_cast<std::size_t>(dtype)].name;
}

/// Bytes of one element.
constexpr std::size_t dtype_size(DType dtype) { return detail::dtype_table[static_cast<std::size_t>(dtype)].size; }

/// The type of that name, if there is one.
constexpr std::optional<DType> parse_dtype(std::string_view name) {
    for (std::size_t i = 0; i < detail::dtype_table.size(); ++i) {
        if (detail::dtype_table[i].name == name) return static_cast<DType>(i);
    }
    return std::nullopt;
}

/// The DType of a C++ type: float, double, bf16 and the integers of fixed width.
template <class T>
inline constexpr DType dtype_of = detail::find_dtype<std::remove_cv_t<T>>();

}  // namespace lapidary
