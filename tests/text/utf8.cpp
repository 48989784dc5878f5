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

TEST_CASE("ill-formed UTF-8 is repaired by maximal subparts", "[utf8]") {
    const std::string r = "\uFFFD";
    const auto repaired = [](std::string_view text) {
        std::string out;
        append_valid_utf8(out, text);
        return out;
    };
    CHECK(repaired("") == "");
    CHECK(repaired("a\u00e9\U0001F642") == "a\u00e9\U0001F642");
    CHECK(repaired("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64") ==
          "a" + r + r + r + "b" + r + "c" + r + r + "d");
    CHECK(repaired("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") == r + r + r + r + r + r + r + r + "A");
    CHECK(repaired("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") == r + r + r + r + r + r + r + r + "A");
    CHECK(repaired("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") == r + r + r + r + r + "A" + r + r + "B");
    CHECK(repaired("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == r + r + r + r + "A");
    std::string out;
    CHECK(append_valid_utf8(out, "a\xF0\x9F\x99", true) == 3);
    CHECK(append_valid_utf8(out, "b\xF0\x9F\xFF", true) == 0);
    CHECK(append_valid_utf8(out, "\xC3", true) == 1);
    CHECK(append_valid_utf8(out, "\x80", true) == 0);
    CHECK(out == "ab" + r + r + r);
}

TEST_CASE("code points and their bytes", "[utf8]") {
    bool same = true;
    for (std::uint32_t point = 0; point <= 0x10FFFF; ++point) {
        std::string bytes;
        append_utf8(bytes, point);
        same = same && bytes == encode(point) && utf8_code_point(bytes) == point &&
               utf8_length(bytes[0]) == bytes.size();
    }
    CHECK(same);
}
