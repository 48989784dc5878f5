#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/decompressed.hpp>

#include <string>
#include <vector>

using namespace lapidary;
using test::gzip;
using test::TemporaryFolder;
using test::zstd;

namespace {

std::vector<std::string> lines_of(const std::filesystem::path& file, std::size_t limit = default_max_line_bytes) {
    LineReader reader = open_lines(file, limit);
    std::vector<std::string> lines;
    std::string line;
    while (reader.next(line)) lines.push_back(line);
    return lines;
}

// Lines of many lengths, also longer than any buffer in between.
std::string long_text() {
    std::string text;
    for (int i = 0; i < 3000; ++i)
        text += std::string(static_cast<std::size_t>(i % 97), 'a') + std::to_string(i) + "\n";
    for (int i = 0; i < 300000; ++i) text += static_cast<char>('a' + (i % 1009 * (i % 1009) / 7) % 26);
    return text + "\nlast line without end";
}

void check_refused(const std::filesystem::path& file) {
    CAPTURE(file.filename().string());
    try {
        lines_of(file);
        FAIL("was accepted");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::format);
        CHECK_THAT(error.what(), ContainsSubstring(file.string()));
    }
}

}  // namespace

TEST_CASE("lines end at newlines and at the end of the file", "[lines]") {
    const TemporaryFolder folder;
    const auto file = folder / "f";
    using Lines = std::vector<std::string>;
    const std::vector<std::pair<std::string, Lines>> cases{{"", {}},
                                                           {"\n", {""}},
                                                           {"a", {"a"}},
                                                           {"a\n", {"a"}},
                                                           {"a\n\nb\r\n", {"a", "", "b\r"}},
                                                           {std::string("a\0b\n", 4), {std::string("a\0b", 3)}}};
    for (const auto& [text, lines] : cases) {
        test::write(file, text);
        CHECK(lines_of(file) == lines);
    }
}

TEST_CASE("a line that is too long is named and can be passed over", "[lines]") {
    const TemporaryFolder folder;
    const auto file = folder / "f";
    test::write(file, "12345\n" + std::string(200000, 'x') + "\n123456\n1234");
    LineReader reader = open_lines(file, 5);
    std::string line;
    CHECK(reader.next(line));
    CHECK_THROWS_WITH(reader.next(line), ContainsSubstring(file.string() + ":2: the line is longer than 5 bytes"));
    CHECK_THROWS_WITH(reader.next(line), ContainsSubstring(":3: "));
    CHECK(reader.next(line));
    CHECK(line == "1234");
    CHECK(reader.line() == 4);
    CHECK_FALSE(reader.next(line));
}

TEST_CASE("compressed lines equal plain ones", "[lines]") {
    const TemporaryFolder folder;
    const std::string text = long_text();
    const std::string half = text.substr(0, text.size() / 2);
    const std::string rest = text.substr(half.size());
    test::write(folder / "plain", text);
    const auto expected = lines_of(folder / "plain");
    REQUIRE(expected.size() == 3002);
    const std::vector<std::pair<std::string, std::string>> files{
        {"one.gz", gzip(text)},
        {"two.gz", gzip(half) + gzip("") + gzip(rest)},
        {"padded.gz", gzip(text) + std::string(70000, '\0')},
        {"one.zst", zstd(text)},
        {"two.zst", zstd(half) + zstd("") + zstd(rest)},
        {"skippable.zst", std::string("\x50\x2A\x4D\x18\x03\0\0\0abc", 11) + zstd(text)},
        {"gzip_by_content", gzip(text)},
        {"zstd_by_content", zstd(text)},
    };
    for (const auto& [name, bytes] : files) {
        CAPTURE(name);
        test::write(folder / name, bytes);
        CHECK(lines_of(folder / name) == expected);
    }
}

TEST_CASE("damaged compressed files are refused by name", "[lines]") {
    const TemporaryFolder folder;
    const std::string text = long_text();
    for (const auto& [ending, good] : {std::pair{".gz", gzip(text)}, std::pair{".zst", zstd(text)}}) {
        const std::size_t size = good.size();
        for (std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{5}, size / 2, size - 5, size - 1}) {
            test::write(folder / ("cut" + std::to_string(cut) + ending), good.substr(0, cut));
            check_refused(folder / ("cut" + std::to_string(cut) + ending));
        }
        std::string flipped = good;
        flipped[size - 3] = static_cast<char>(flipped[size - 3] ^ 0x10);  // in the check sum
        test::write(folder / (std::string("sum") + ending), flipped);
        check_refused(folder / (std::string("sum") + ending));
        test::write(folder / (std::string("tail") + ending), good + "garbage after the end");
        check_refused(folder / (std::string("tail") + ending));
        test::write(folder / (std::string("plain") + ending), "this is not compressed\n");
        check_refused(folder / (std::string("plain") + ending));
    }
}

TEST_CASE("a missing file and a directory are errors", "[lines]") {
    const TemporaryFolder folder;
    CHECK_THROWS_AS(lines_of(folder / "nothing"), Error);
    CHECK_THROWS_AS(lines_of(folder / ""), Error);
}
