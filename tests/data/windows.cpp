#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/windows.hpp>

#include <range/v3/range/conversion.hpp>
#include <string>
#include <vector>

using namespace lapidary;
using test::ByteTokenizer;
using test::TemporaryFolder;

namespace {

struct NoEos : ByteTokenizer {
    [[nodiscard]] TokenId eos_id() const { return -1; }
};

// A window as text, with `|` for the end of a document.
std::string spell(const Window& window) {
    std::string text;
    for (TokenId id : window.tokens) text += id == 2 ? '|' : static_cast<char>(id - 3);
    return text;
}

std::vector<Window> windows(const std::vector<std::pair<int, std::string>>& texts, Index context) {
    WindowPacker packer(context);
    std::vector<Window> result;
    Window window;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        TokenizedDocument document{ByteTokenizer().encode(texts[i].second), texts[i].first, "", 0,
                                   static_cast<Index>(i)};
        document.tokens.push_back(2);
        packer.push(std::move(document));
        while (packer.pop(window)) result.push_back(window);
    }
    return result;
}

}  // namespace

TEST_CASE("documents are laid end to end and cut into windows", "[windows]") {
    // abcdefg|hi||jklmnopqrst| in windows of four
    const auto cut = windows({{0, "abcdefg"}, {0, "hi"}, {0, ""}, {0, "jklmnopqrst"}}, 3);
    const std::vector<std::string> expected{"abcd", "efg|", "hi||", "jklm", "nopq", "rst|"};
    const std::vector<std::pair<Index, Index>> origins{{0, 0}, {0, 4}, {1, 0}, {3, 0}, {3, 4}, {3, 8}};
    REQUIRE(cut.size() == expected.size());
    for (std::size_t i = 0; i < cut.size(); ++i) {
        CHECK(spell(cut[i]) == expected[i]);
        CHECK(std::pair(cut[i].document, cut[i].offset) == origins[i]);
    }
}

TEST_CASE("windows wrap across documents and start inside them", "[windows]") {
    const auto cut = windows({{0, "ab"}, {0, "c"}, {0, "defghi"}}, 4);  // ab|c| defgh (i| is dropped)
    REQUIRE(cut.size() == 2);
    CHECK(spell(cut[0]) == "ab|c|");
    CHECK(spell(cut[1]) == "defgh");
    const auto other = windows({{0, "abcd"}, {0, "efghij"}}, 6);  // abcd|ef ghij| is short
    REQUIRE(other.size() == 1);
    CHECK(spell(other[0]) == "abcd|ef");
    const auto inside = windows({{0, "abc"}, {0, "defghijklmno"}}, 4);  // abc|d efghi jklmn
    REQUIRE(inside.size() == 3);
    CHECK(inside[1].document == 1);
    CHECK(inside[1].offset == 1);
    CHECK(inside[2].offset == 6);
}

TEST_CASE("a window never holds tokens of two sources", "[windows]") {
    const auto cut = windows({{0, "abcdef"}, {1, "ghijkl"}, {1, "m"}, {0, "nopqr"}}, 3);
    const std::vector<std::string> expected{"abcd", "ghij", "kl|m", "nopq"};
    REQUIRE(cut.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) CHECK(spell(cut[i]) == expected[i]);
    CHECK(cut[1].source == 1);
    CHECK(cut[3].source == 0);
}

TEST_CASE("the pipeline reads documents | tokenize | pack", "[windows]") {
    const TemporaryFolder folder;
    test::write(folder / "a.jsonl", "{\"text\":\"abcdefg\"}\n{\"text\":\"hi\"}\n");
    test::write(folder / "b.txt", "jklm");
    DocumentReader reader({{folder / "a.jsonl", 0}, {folder / "b.txt", 1}});
    const ByteTokenizer tokenizer;
    const std::vector<Window> cut = documents(reader) | tokenize(tokenizer) | pack(3) | ranges::to<std::vector>();
    REQUIRE(cut.size() == 3);
    CHECK(spell(cut[0]) == "abcd");
    CHECK(spell(cut[1]) == "efg|");
    CHECK(spell(cut[2]) == "jklm");
    CHECK(cut[2].document == 2);
}

TEST_CASE("the pipeline passes errors on and handles no documents", "[windows]") {
    const TemporaryFolder folder;
    test::write(folder / "a.jsonl", "{\"text\":\"abcdefg\"}\nbad\n");
    const ByteTokenizer tokenizer;
    DocumentReader bad({{folder / "a.jsonl", 0}});
    const auto count = [&](DocumentReader& reader) {
        int windows = 0;
        for (const Window& window : documents(reader) | tokenize(tokenizer) | pack(3))
            windows += window.source + 1;
        return windows;
    };
    CHECK_THROWS_WITH(count(bad), ContainsSubstring("a.jsonl:2: not JSON"));
    DocumentReader none(std::vector<InputFile>{});
    CHECK(count(none) == 0);
    CHECK_THROWS_AS(tokenize(NoEos()), Error);
    CHECK_THROWS_AS(WindowPacker(0), Error);
}
