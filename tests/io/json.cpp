#include <lapidary/io/json.hpp>

#include "io/support.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace lapidary;
using namespace io_test;

namespace {

std::string repeat(std::string_view text, std::size_t count) {
    std::string result;
    for (std::size_t i = 0; i < count; ++i) result += text;
    return result;
}

}  // namespace

TEST_CASE("parse_json accepts what RFC 8259 calls JSON") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"null", "null"},
        {" \t\r\n[ ] \n", "[]"},
        {"{\"\":0}", "{\"\":0}"},
        {"{\"b\":1,\"a\":2}", "{\"b\":1,\"a\":2}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"[[],{},[{}],{\"x\":[]}]", "[[],{},[{}],{\"x\":[]}]"},
        {"[-0,0,18446744073709551615,-9223372036854775808]", "[0,0,18446744073709551615,-9223372036854775808]"},
        {"[1e2,-1.5E-2,1e-999]", "[100.0,-0.015,0.0]"},
        {"\"\\u0041\\n\\/\\ud83d\\ude00\\u0000\"", "\"A\\n/\xf0\x9f\x98\x80\\u0000\""},
        {"\"\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf\"", "\"\xc3\xa9\xe2\x82\xac\xf4\x8f\xbf\xbf\""},
        {"\"]]]}}}[[[{{{ \\\" [\"", "\"]]]}}}[[[{{{ \\\" [\""},
        {"\"\x7f\"", "\"\x7f\""},
    };
    for (const auto& [text, expected] : cases) {
        INFO(text);
        CHECK(parse_json(text, "f").dump() == expected);
    }
}

TEST_CASE("parse_json refuses everything else") {
    const std::vector<std::string> cases{
        "", " ", "nul", "True", "[1", "[1,]", "[,1]", "[1,,2]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1 \"b\":2}", "[1]]", "[1] x", "{}{}", "{}#", "// c\n1", "/**/1", "]",
        "}", "[}", "{]", ":", ",", "01", "-", "-01", "+1", ".5", "1.", "1.e1", "1e", "1e+", "0x1", "NaN",
        "Infinity", "-Infinity", "1e999", "-1e999", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "\"a\tb\"", "\"\x01\"", "\"\\",
        // Ill-formed UTF-8: lone continuation, cut sequence, overlong, surrogate, beyond U+10FFFF, Latin-1.
        "\"\x80\"", "\"\xe2\x82\"", "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
        "\"\xf8\x88\x80\x80\x80\"", "\"\xe9\"", "\"\xff\"", "\xc3\xa9", "[\xa0]", "\xfe\xff[]", "\xef\xbb[]",
        // A NUL must not end the text.
        std::string("{}\0", 3), std::string("{}\0garbage", 10), std::string("\"a\0b\"", 5),
        std::string("\"\\\0\"", 4), std::string("\0", 1)};
    for (const std::string& text : cases) {
        INFO(quote(text));
        check_throws(
            ErrorCode::format, [&] { (void)parse_json(text, "some/f.json"); }, "[json] some/f.json: line ",
            " column ");
    }
}

TEST_CASE("parse_json limits the depth and needs no stack for it") {
    CHECK(parse_json(repeat("[", 200) + repeat("]", 200), "f").is_array());
    CHECK(parse_json("[" + repeat("[],", 100000) + "[]]", "f").size() == 100001);
    for (const std::string& unit : {std::string("["), std::string("{\"a\":"), std::string("[{\"a\":")}) {
        check_throws(
            ErrorCode::format, [&] { (void)parse_json(repeat(unit, 100000), "f"); }, "nested deeper than 200");
    }
    check_throws(
        ErrorCode::format, [&] { (void)parse_json(repeat("[", 201) + repeat("]", 201), "f"); },
        "line 1 column 201");
}

TEST_CASE("parse_json tells the place and keeps messages short and printable") {
    check_throws(
        ErrorCode::format, [] { (void)parse_json("{\n  \"a\": 1,\n  \"b\": x\n}", "f"); },
        "[json] f: line 3 column 8: ");
    const auto error = error_of([] { (void)parse_json("\"" + std::string(100000, 'x') + "\x01\xff\"", "f"); });
    REQUIRE(error);
    const std::string message = error->what();
    CHECK(message.size() < 400);
    for (char c : message) CHECK((c >= 0x20 && c < 0x7f));
}

TEST_CASE("parse_json takes time linear in the number of keys") {
    // With a search for duplicates at every key this takes minutes.
    std::string text = "{";
    for (int i = 0; i < 200000; ++i) text += "\"key" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    text += "\"key7\":-1}";
    const Json object = parse_json(text, "f");
    CHECK(object.size() == 200000);
    CHECK(object["key7"] == -1);
    CHECK(object.begin().key() == "key0");
}

TEST_CASE("typed access names the file and the key") {
    const Json config = parse_json(
        R"({"n": 12, "big": 300, "neg": -1, "x": 1.5, "huge": 1e300, "s": "text", "t": true, "z": null,
            "list": [1, 2], "mixed": [1, "a"], "map": {"a": 1}, "i64": 9223372036854775808})",
        "c.json");
    CHECK(get<int>(config, "n", "c.json") == 12);
    CHECK(get<std::uint8_t>(config, "n", "c.json") == 12);
    CHECK(get<double>(config, "n", "c.json") == 12.0);
    CHECK(get<float>(config, "x", "c.json") == 1.5F);
    CHECK(get<std::string>(config, "s", "c.json") == "text");
    CHECK(get<bool>(config, "t", "c.json"));
    CHECK(get<Json>(config, "map", "c.json").is_object());
    CHECK(get<std::vector<std::int64_t>>(config, "list", "c.json") == std::vector<std::int64_t>{1, 2});
    CHECK(get<std::map<std::string, int>>(config, "map", "c.json").at("a") == 1);
    CHECK(get<std::uint64_t>(config, "i64", "c.json") == std::uint64_t{1} << 63);
    CHECK(get<std::int64_t>(Json{{"made", -5}}, "made", "program") == -5);

    const auto format = ErrorCode::format;
    check_throws(
        format, [&] { (void)get<int>(config, "none", "c.json"); }, "[json] c.json: 'none' is missing");
    check_throws(
        format, [&] { (void)get<int>(Json(1), "n", "c.json"); }, "c.json", "an object");
    check_throws(
        format, [&] { (void)get<std::uint8_t>(config, "big", "c.json"); }, "c.json", "'big'", "300");
    check_throws(
        format, [&] { (void)get<std::uint64_t>(config, "neg", "c.json"); }, "'neg'", "non-negative");
    check_throws(
        format, [&] { (void)get<std::int64_t>(config, "i64", "c.json"); }, "'i64'", "64 bits");
    check_throws(
        format, [&] { (void)get<int>(config, "x", "c.json"); }, "'x' must be an integer", "1.5");
    check_throws(
        format, [&] { (void)get<int>(config, "t", "c.json"); }, "'t' must be an integer", "true");
    check_throws(
        format, [&] { (void)get<int>(config, "s", "c.json"); }, "'s' must be an integer", "text");
    check_throws(
        format, [&] { (void)get<bool>(config, "n", "c.json"); }, "'n' must be true or false");
    check_throws(
        format, [&] { (void)get<float>(config, "huge", "c.json"); }, "'huge'");
    check_throws(
        format, [&] { (void)get<double>(config, "z", "c.json"); }, "'z' must be a number", "null");
    check_throws(
        format, [&] { (void)get<std::string>(config, "list", "c.json"); }, "'list' must be a string", "array");
    check_throws(
        format, [&] { (void)get<std::vector<int>>(config, "n", "c.json"); }, "'n' must be an array");
    check_throws(
        format, [&] { (void)get<std::vector<int>>(config, "mixed", "c.json"); }, "'mixed'[1]");

    CHECK(get_or(config, "n", 1, "c.json") == 12);
    CHECK(get_or(config, "none", 1, "c.json") == 1);
    CHECK(get_or<double>(config, "z", 2, "c.json") == 2.0);
    CHECK(get_or(config, "s", "default", "c.json") == "text");
    CHECK(get_or(config, "none", "default", "c.json") == "default");
    check_throws(
        format, [&] { (void)get_or(config, "s", 1, "c.json"); }, "'s' must be an integer");
    check_throws(
        format, [&] { (void)get_or(Json(1), "s", 1, "c.json"); }, "an object");
}

TEST_CASE("JSON files are written durably and read back") {
    const TemporaryDirectory folder;
    const Json value{{"z", 1}, {"a", {1, 2}}, {"bad", std::numeric_limits<double>::quiet_NaN()}};
    write_json(folder / "a.json", value);
    CHECK(read_text(folder / "a.json") == "{\n  \"z\": 1,\n  \"a\": [\n    1,\n    2\n  ],\n  \"bad\": null\n}\n");
    CHECK(read_json(folder / "a.json")["a"][1] == 2);
    CHECK(entries(folder.path()) == 1);

    check_throws(
        ErrorCode::value, [&] { write_json(folder / "a.json", Json("\xff")); }, "a.json", "UTF-8");
    CHECK(read_json(folder / "a.json")["z"] == 1);
    check_throws(
        ErrorCode::io, [&] { (void)read_json(folder / "none.json"); }, "none.json", "No such file");
    put(folder / "bad.json", "{\n!");
    check_throws(
        ErrorCode::format, [&] { (void)read_json(folder / "bad.json"); }, "bad.json: line 2 column 1");
}
