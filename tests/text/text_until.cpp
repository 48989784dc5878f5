#include "catch.hpp"

#include <lapidary/text/text_until.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace lapidary;

namespace {

/// What comes of pieces, one after the other, `|` behind each that gave something, `.` at the end.
std::string given(const std::vector<std::string>& marks, const std::vector<std::string>& pieces) {
    TextUntil until(marks);
    std::string text;
    for (const std::string& piece : pieces) {
        const std::string fresh = until.add(piece);
        text += fresh.empty() ? "" : fresh + "|";
    }
    return text + until.finish() + (until.ended() ? " ended" : "");
}

using Marks = std::vector<std::string>;

}  // namespace

TEST_CASE("a text ends before a mark, and what may begin one waits", "[chat]") {
    CHECK(given({"USER:"}, {"Hello", " there"}) == "Hello| there|");
    CHECK(given({"USER:"}, {"Hello USER: Hi"}) == "Hello | ended");
    CHECK(given({"USER:"}, {"Hello U", "SER", ":", " Hi"}) == "Hello | ended");
    CHECK(given({"USER:"}, {"Hello U", "SE", "S"}) == "Hello |USES|");
    CHECK(given({"USER:"}, {"Hello USER"}) == "Hello |USER");  // it does not come
    CHECK(given({"USER:"}, {"UUSER", "UUSER:"}) == "U|USERU| ended");
    CHECK(given({"aab"}, {"aa", "a", "a", "b"}) == "a|a| ended");
    CHECK(given({"b", "ab", "xab"}, {"x", "a", "c", "x", "a", "b"}) == "xac| ended");
    CHECK(given({}, {"all", ""}) == "all|");
    CHECK(given({"a"}, {"", "a"}) == " ended");
    CHECK_THROWS_WITH(TextUntil(Marks{"a", ""}), ContainsSubstring("a mark without text"));
}

TEST_CASE("however a text is cut into pieces, the same is given out, and never a mark", "[chat]") {
    const std::string text = "ab##a#ab##Human:###Human: x";
    const Marks marks{"###Human:", "##b", "\n\n"};
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            TextUntil until(marks);
            const std::string_view all = text;
            std::string out = until.add(all.substr(0, first));
            out += until.add(all.substr(first, second - first));
            for (const char c : all.substr(second)) out += until.add(std::string(1, c));
            CHECK(until.finish().empty());
            CHECK(out == "ab##a#ab##Human:");
            CHECK(until.ended());
        }
    }
}
