#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace lapidary::detail {

/// A message in protocol buffers' wire format, built field by field in the order of the calls.
/// Source: https://protobuf.dev/programming-guides/encoding/
class Protobuf {
public:
    Protobuf& integer(int field, std::int64_t value) {
        key(field, 0);
        varint(static_cast<std::uint64_t>(value));
        return *this;
    }
    Protobuf& real(int field, double value) {
        key(field, 1);
        little_endian(std::bit_cast<std::uint64_t>(value), 8);
        return *this;
    }
    Protobuf& single(int field, float value) {
        key(field, 5);
        little_endian(std::bit_cast<std::uint32_t>(value), 4);
        return *this;
    }
    Protobuf& text(int field, std::string_view value) {
        key(field, 2);
        varint(value.size());
        bytes_ += value;
        return *this;
    }
    Protobuf& message(int field, const Protobuf& value) { return text(field, value.bytes_); }

    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    void key(int field, int type) {
        varint(static_cast<std::uint64_t>(field) << 3U | static_cast<unsigned>(type));
    }
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
        bytes_ += static_cast<char>(value);
    }
    void little_endian(std::uint64_t value, int count) {
        for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xFF);
    }

    std::string bytes_;
};

}  // namespace lapidary::detail
