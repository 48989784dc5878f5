#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/decompressed.hpp>
#include <lapidary/data/text_block_view.hpp>
#include <lapidary/data/text_blocks.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace lapidary;
using test::TemporaryFolder;

namespace {

constexpr std::size_t limit = 300'000;

std::vector<TextBlock> blocks(const std::vector<InputFile>& files, const InputPosition& start = {},
                              std::size_t max_bytes = limit) {
    TextBlockReader reader(files, decompressed, max_bytes, start);
    std::vector<TextBlock> result;
    for (TextBlock block; reader.next(block);) result.push_back(std::move(block));
    return result;
}

bool same(const TextBlock& a, const TextBlock& b) {
    return a.file == b.file && a.first_line == b.first_line && a.text == b.text && a.too_long == b.too_long &&
           (a.too_long || a.begin == b.begin) && a.ends_file == b.ends_file && a.after.lines == b.after.lines &&
           a.after.bytes == b.after.bytes && (!a.ends_file || a.after.stored_hash == b.after.stored_hash);
}

// Lines of many lengths, about 5 MB in all, also empty ones and such as end with a carriage return.
std::string many_lines() {
    std::string text;
    for (int i = 0; text.size() < 5'000'000; ++i) {
        text += std::to_string(i) +
                std::string(static_cast<std::size_t>(i * i % 4099), static_cast<char>('a' + i % 26));
        text += i % 11 == 0 ? "\r\n" : i % 7 == 0 ? "\n\n" : "\n";
    }
    return text;
}

// What `text` holds, line by line, is what the blocks hold; too long ones are named.
void check_lines(const std::vector<TextBlock>& all, Index file, const std::string& text) {
    std::size_t at = 0;
    Index line = 1;
    bool good = true;
    for (const TextBlock& block : all) {
        if (block.file != file) continue;
        good = good && block.first_line == line && (block.too_long || block.begin == static_cast<Index>(at));
        if (block.too_long) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            good = good && end - at > limit && block.text.empty();
            at = std::min(end + 1, text.size());
            ++line;
        } else {
            good = good && text.compare(at, block.text.size(), block.text) == 0;
            good = good && block.text.size() < (std::size_t{1} << 20) + limit + 1;
            at += block.text.size();
            for (const char c : block.text) line += c == '\n' ? 1 : 0;
            good = good && (block.text.empty() || block.text.ends_with('\n') || at == text.size());
        }
        good = good && block.after.bytes == static_cast<Index>(at);
    }
    CHECK(good);
    CHECK(at == text.size());
}

struct NamedText {
    std::string name;
    std::string text;
    std::string stored;
};

// One of each kind that there is.
std::vector<NamedText> all_kinds() {
    const std::string plain = many_lines();
    const std::string too_long(limit + 1, 'x');
    const std::string just_right(limit, 'y');
    const std::string mixed = plain.substr(0, 2'000'000) + "\n" + too_long + "\n" + too_long +
                              "\nend of the long\n" + too_long + "\r\n" + just_right + "\n" +
                              plain.substr(0, 100'000) + "\n" + too_long;
    std::vector<NamedText> kinds{
        {"plain", plain, plain},
        {"empty", "", ""},
        {"newline", "\n", "\n"},
        {"unfinished", "one\ntwo", "one\ntwo"},
        {"crlf", "one\r\n\r\ntwo\r\n", "one\r\n\r\ntwo\r\n"},
        {"mixed", mixed, mixed},
        {"long", too_long, too_long},
        {"long_ended", too_long + "\n", too_long + "\n"},
        {"l.gz", mixed, test::gzip(mixed.substr(0, 999)) + test::gzip(mixed.substr(999))},
        {"l.zst", mixed, test::zstd(mixed.substr(0, 999)) + test::zstd(mixed.substr(999))},
        {"empty.gz", "", test::gzip("")},
        {"last", "a\n" + plain + "no newline", "a\n" + plain + "no newline"}};
    return kinds;
}

}  // namespace

TEST_CASE("blocks hold the lines of all files", "[text_blocks]") {
    const TemporaryFolder folder;
    std::vector<InputFile> files;
    const std::vector<NamedText> kinds = all_kinds();
    for (const NamedText& kind : kinds) {
        test::write(folder / kind.name, kind.stored);
        files.push_back({folder / kind.name, 0});
    }
    const std::vector<TextBlock> all = blocks(files);
    for (std::size_t f = 0; f < files.size(); ++f) {
        CAPTURE(kinds[f].name);
        check_lines(all, static_cast<Index>(f), kinds[f].text);
        int ends = 0;
        for (const TextBlock& block : all) {
            if (block.file != static_cast<Index>(f) || !block.ends_file) continue;
            ++ends;
            CHECK(block.after.stored_bytes == static_cast<Index>(kinds[f].stored.size()));
            CHECK(block.after.stored_hash == sha256_file(files[f].path));
        }
        CHECK(ends == 1);
    }
}

TEST_CASE("reading goes on after any block as if it had not stopped", "[text_blocks]") {
    const TemporaryFolder folder;
    std::vector<InputFile> files;
    for (const NamedText& kind : all_kinds()) {
        test::write(folder / kind.name, kind.stored);
        files.push_back({folder / kind.name, 0});
    }
    test::write(folder / "whole", many_lines().substr(0, limit));
    files.push_back({folder / "whole", 0, SourceFormat::text});
    files.push_back({folder / "plain", 0});
    const std::vector<TextBlock> all = blocks(files);
    REQUIRE(all.size() > 40);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(i, all[i].file, all[i].after.lines, all[i].after.bytes);
        const InputPosition start = all[i].ends_file ? InputPosition{.file = all[i].file + 1} : all[i].after;
        // To the end of this file and one further.
        TextBlockReader reader(files, decompressed, limit, start);
        TextBlock block;
        for (std::size_t k = i + 1; k < all.size() && all[k].file <= all[i].file + 1; ++k) {
            REQUIRE(reader.next(block));
            REQUIRE(same(block, all[k]));
        }
    }
    CHECK(blocks(files, {.file = static_cast<Index>(files.size())}).empty());
}

TEST_CASE("a position beyond what a file has is refused", "[text_blocks]") {
    const TemporaryFolder folder;
    test::write(folder / "f", "one\ntwo\n");
    CHECK_THROWS_WITH(
        blocks({{folder / "f"}}, {.lines = 3, .bytes = 9}),
        ContainsSubstring((folder / "f").string() + ": ends at byte 8, expected to go on at byte 9"));
}

TEST_CASE("a file that is one document is one block, whatever its lines", "[text_blocks]") {
    const TemporaryFolder folder;
    const std::string text = many_lines();
    test::write(folder / "f", text);
    test::write(folder / "g.gz", test::gzip(text));
    test::write(folder / "empty", "");
    const std::vector<InputFile> files{{folder / "f", 0, SourceFormat::text},
                                       {folder / "g.gz", 0, SourceFormat::tree},
                                       {folder / "empty", 0, SourceFormat::text}};
    const std::vector<TextBlock> whole = blocks(files, {}, text.size());
    REQUIRE(whole.size() == 3);
    CHECK(whole[0].text == text);
    CHECK(whole[1].text == text);
    CHECK(whole[2].text.empty());
    for (const TextBlock& block : whole) {
        CHECK(block.ends_file);
        CHECK_FALSE(block.too_long);
        CHECK(block.begin == 0);
        CHECK(block.first_line == 1);
    }
    const std::vector<TextBlock> cut = blocks(files, {}, text.size() - 1);
    REQUIRE(cut.size() == 3);
    CHECK(cut[0].too_long);
    CHECK(cut[0].text.empty());
    CHECK(cut[0].after.stored_hash == sha256_file(folder / "f"));
    CHECK(cut[1].too_long);
    CHECK_FALSE(cut[2].too_long);
}

TEST_CASE("the view gives what the reader gives, and its errors", "[text_blocks]") {
    const TemporaryFolder folder;
    test::write(folder / "f", many_lines());
    const std::string cut = test::gzip(many_lines());
    test::write(folder / "cut.gz", cut.substr(0, cut.size() / 2));
    const std::vector<InputFile> files{{folder / "f"}, {folder / "cut.gz"}};
    TextBlockReader reader(files, decompressed);
    const std::vector<TextBlock> expected = blocks({files[0]});
    std::size_t count = 0;
    const auto read = [&] {
        for (const TextBlock& block : text_blocks(reader)) {
            CHECK((count >= expected.size() || same(block, expected[count])));
            ++count;
        }
    };
    CHECK_THROWS_WITH(read(), ContainsSubstring("cut.gz: the stream is cut off"));
    CHECK(count >= expected.size());
    TextBlockReader none(std::vector<InputFile>{});
    for (const TextBlock& block : text_blocks(none)) count += block.text.size();
    CHECK(count < 1000);
    TextBlockReader missing({{folder / "missing"}});
    TextBlock block;
    CHECK_THROWS_WITH(missing.next(block), ContainsSubstring("missing"));
    TextBlockReader directory({{folder / ""}});
    CHECK_THROWS_AS(directory.next(block), Error);
}
