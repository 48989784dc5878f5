#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lapidary {

namespace detail {

/// The remainder of every byte by the Castagnoli polynomial, lowest bit first (0x82F63B78).
inline constexpr std::array<std::uint32_t, 256> crc32c_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
        table[byte] = value;
    }
    return table;
}();

}  // namespace detail

/// CRC-32C of bytes, as in RFC 3720, appendix B.4.
inline std::uint32_t crc32c(std::span<const std::byte> bytes) {
    std::uint32_t value = 0xFFFFFFFFU;
    for (std::byte byte : bytes) {
        value = (value >> 8) ^ detail::crc32c_table[(value ^ static_cast<std::uint32_t>(byte)) & 0xFFU];
    }
    return ~value;
}

}  // namespace lapidary
