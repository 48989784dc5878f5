#include "catch.hpp"

#include <lapidary/text/utf8.hpp>

#include <cstdint>
#include <string>
#include <string_view>

using namespace lapidary;

namespace {

// The bytes of a code point by the definition of UTF-8, surrogates included.
std::string encode(std::uint32_t point) {
    const auto tail = [&](int shift) { return static_cast<char>(0x80U | ((point >> shift) & 0x3FU)); };
    if (point < 0x80) return {static_cast<char>(point)};
    if (point < 0x800) return {static_cast<char>(0xC0U | (point >> 6)), tail(0)};
    if (point < 0x10000) return {static_cast<char>(0xE0U | (point >> 12)), tail(6), tail(0)};
    return {static_cast<char>(0xF0U | (point >> 18)), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("every code point but the surrogates is valid UTF-8", "[utf8]") {
    bool all = true;
    for (std::uint32_t point = 0; point <= 0x10FFFF; ++point) {
        const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
        all = all && valid_utf8(encode(point)) == !surrogate;
    }
    CHECK(all);
    for (std::uint32_t point = 0x110000; point < 0x1FFFFF; point += 0x101) all = all && !valid_utf8(encode(point));
    CHECK(all);
}

TEST_CASE("ill-formed UTF-8 is found where it is", "[utf8]") {
    using std::string_view;
    CHECK(valid_utf8(""));
    CHECK(valid_utf8(string_view("a\0b", 3)));
    const string_view bad[] = {
        "\x80",              // a continuation alone
        "\xC0\xAF",          // overlong
        "\xC1\xBF",          // overlong
        "\xE0\x9F\xBF",      // overlong
        "\xF0\x8F\xBF\xBF",  // overlong
        "\xED\xA0\x80",      // surrogate
        "\xF4\x90\x80\x80",  // above U+10FFFF
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC3",          // cut off
        "\xE6\x97",      // cut off
        "\xF0\x9F\x99",  // cut off
        "\xC3(",         // no continuation
        "\xE6\x97(",
        "\xF0\x9F\x99(",
    };
    for (string_view sequence : bad) {
        CHECK_FALSE(valid_utf8(sequence));
        const std::string inside = "seventeen letters " + std::string(sequence) + " and after";
        CHECK(find_invalid_utf8(inside) == 18);
        CHECK(find_invalid_utf8("日" + std::string(sequence)) == 3);
    }
}
