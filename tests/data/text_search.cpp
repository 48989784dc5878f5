#include "catch.hpp"
#include "prepared.hpp"
#include "support.hpp"

#include <lapidary/data/text_search.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/token_index.hpp>
#include <lapidary/data/token_index_builder.hpp>
#include <lapidary/text/open_tokenizer.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace lapidary;
using test::HandData;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> documents{
    "The quick brown fox jumps over the lazy dog, and the dog, who is not as lazy as they say, jumps over the "
    "fox.",
    "  Two  spaces   between words\tand a tab;\nthen a new line.\n\n    def f(x):\n        return x + 1\n",
    "caf\xC3\xA9 na\xC3\xAFve \xE2\x82\xAC 12345 \xF0\x9F\x98\x80 \xF0\x9F\x98\x80 end of the line",
    "\xE4\xBB\x8A\xE5\xA4\xA9\xE5\xA4\xA9\xE6\xB0\x94\xE5\xBE\x88\xE5\xA5\xBD\xE6\x88\x91\xE4\xBB\xAC\xE5\x8E\xBB"
    "\xE5\x85\xAC\xE5\x9B\xAD\xE7\x8E\xA9\xE5\x90\xA7",
    "fox fox fox fox foxes foxing outfox the quick brown foxes of the nation; a nation of foxes, internationally",
    "x"};

// The documents several times in other orders, cut into windows.
template <Tokenizer T>
void write_text(const fs::path& directory, const T& tokenizer, TokenId eos) {
    std::vector<TokenId> stream;
    for (std::size_t i = 0; i < 4 * documents.size(); ++i) {
        const auto ids = tokenizer.encode(documents[i * i * 5 % 29 % documents.size()]);
        stream.insert(stream.end(), ids.begin(), ids.end());
        stream.push_back(eos);
    }
    HandData data;
    data.context = 63;
    data.vocabulary = std::max<Index>(tokenizer.vocabulary_size(), 3);
    const std::size_t windows = stream.size() / 64 / 2 * 2;
    data.chunks.resize(2);
    for (std::size_t w = 0; w < windows; ++w) {
        const auto first = stream.begin() + static_cast<std::ptrdiff_t>(64 * w);
        data.chunks[w * 2 / windows].push_back({{first, first + 64}});
    }
    test::write_prepared(directory, data);
    Json manifest = read_json(directory / data_manifest);
    manifest["eos"] = eos;
    write_json(directory / data_manifest, manifest);
}

// How often the windows' documents spell a text, the slow way.
template <Tokenizer T>
Index count_spelt(const T& tokenizer, const TokenChunks& chunks, const std::string& text) {
    Index count = 0;
    std::vector<std::int32_t> row(static_cast<std::size_t>(chunks.context()) + 1);
    std::vector<TokenId> ids;
    for (Index window = 0; window < 2 * chunks.windows_per_chunk(); ++window) {
        chunks.chunk(window % 2).read(window / 2, row.data());
        row.push_back(chunks.eos_id());
        for (const TokenId id : row) {
            if (id != chunks.eos_id()) {
                ids.push_back(id);
                continue;
            }
            const std::string all = tokenizer.decode(ids);
            for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
            ids.clear();
        }
        row.pop_back();
    }
    return count;
}

// All texts of some lengths: found the same by the index, by reading ids and by decoding all, and where they are
// said to be. A text without spaces may be missed where it is not decoded.
template <Tokenizer T>
void check_texts(const T& tokenizer, TokenId eos) {
    const TemporaryFolder folder;
    write_text(folder / "data", tokenizer, eos);
    const TokenChunks chunks(folder / "data", {.batch_size = 1});
    build_token_index(chunks);
    const TokenIndex index(chunks);
    Index texts = 0, found = 0, middles = 0, indexed = 0;
    bool equal = true, right = true;
    for (const std::string& document : documents) {
        for (const std::size_t length : {1, 2, 5, 11, 24, 60, 90}) {
            for (std::size_t at = 0; at + length <= document.size(); at += 7 + length / 6) {
                const std::string text = document.substr(at, length);
                if (!valid_utf8(text) || tokenizer.decode(tokenizer.encode(text)).empty()) continue;
                const TextQuery query(tokenizer, text);
                const auto all = find_text(tokenizer, chunks, nullptr, text, no_limit, true);
                const auto scanned = find_text(tokenizer, chunks, nullptr, text);
                equal = equal && count_spelt(tokenizer, chunks, query.text()) == std::ssize(all);
                equal = equal && scanned == all && find_text(tokenizer, chunks, &index, text) == all;
                ++texts;
                found += all.empty() ? 0 : 1;
                middles += query.middle().empty() ? 0 : 1;
                indexed += query.middle().size() >= indexed_ids ? 1 : 0;
                for (const TextMatch& match : all) {
                    std::vector<std::int32_t> row(64);
                    chunks.chunk(match.chunk).read(match.row, row.data());
                    const auto ids = std::span(row).subspan(static_cast<std::size_t>(match.from),
                                                            static_cast<std::size_t>(match.to - match.from));
                    // A tokenizer that takes a space off the start needs one id more to show it.
                    const auto wider =
                        match.from > 0
                            ? std::span(row).subspan(static_cast<std::size_t>(match.from - 1), ids.size() + 1)
                            : ids;
                    const auto spells = [&](auto part) {
                        return tokenizer.decode(part).find(query.text()) != std::string::npos;
                    };
                    right = right && spells(wider);
                    // No token could be missed, unless the text overlaps itself.
                    if (query.text().find_first_not_of(' ') == std::string::npos) continue;
                    right = right && !spells(ids.first(ids.size() - 1)) && !spells(ids.subspan(1));
                }
            }
        }
    }
    CHECK(equal);
    CHECK(right);
    CHECK(texts > 150);
    CHECK(found > texts / 2);
    CHECK(middles > 20);
    CHECK(indexed > 5);
}

}  // namespace

TEST_CASE("a text is found wherever windows spell it, by tokens of a SentencePiece model", "[text_search]") {
    const AnyTokenizer tokenizer = open_tokenizer(LAPIDARY_TEST_DATA "/text/data/tok512.model");
    check_texts(tokenizer, tokenizer.eos_id());
}

TEST_CASE("a text is found wherever windows spell it, by tokens of a tokenizer.json", "[text_search]") {
    for (const char* name : {"gpt2", "gpt4", "llama", "neox"}) {
        CAPTURE(name);
        const AnyTokenizer tokenizer =
            open_tokenizer(std::string(LAPIDARY_TEST_DATA "/text/data/tokenizers/") + name + ".json");
        check_texts(tokenizer, tokenizer.eos_id() >= 0 ? tokenizer.eos_id() : 0);
    }
}

TEST_CASE("a text is found wherever windows spell it, by bytes", "[text_search]") {
    check_texts(test::ByteTokenizer(), 2);
}

TEST_CASE("the end of a document ends a text", "[text_search]") {
    const test::ByteTokenizer tokenizer;
    std::vector<TokenId> window;
    for (const char* document : {"say one", "two one", "on"}) {
        const auto ids = tokenizer.encode(document);
        window.insert(window.end(), ids.begin(), ids.end());
        window.push_back(2);
    }
    CHECK(find_in_window(tokenizer, window, 2, "one") == std::vector<Columns>{{4, 7}, {12, 15}});
    CHECK(find_in_window(tokenizer, window, 2, "onetwo").empty());
    CHECK(find_in_window(tokenizer, window, 2, "o").size() == 4);
    window[5] = 1;  // a special token in the middle of a word
    CHECK(find_in_window(tokenizer, window, 2, "one").size() == 1);
    CHECK(find_in_window(tokenizer, window, 2, "oe").empty());
}

TEST_CASE("the middle of a text is what does not depend on its ends", "[text_search]") {
    const test::ByteTokenizer tokenizer;
    const auto middle = [&](std::string_view text) {
        const TextQuery query(tokenizer, text);
        return tokenizer.decode(query.middle());
    };
    CHECK(middle("one") == "");
    CHECK(middle("one two") == "");
    CHECK(middle("ne two thr") == " two");
    CHECK(middle("ne two  three fo") == " two  three");
    CHECK(middle("e two\n\nth ") == "");
    CHECK(middle("without_any_space") == "hout_any_sp");  // long enough to be looked for all the same
    CHECK(middle("fifteen_letters") == "");
}

TEST_CASE("texts that cannot be found are refused, and limits kept", "[text_search]") {
    const TemporaryFolder folder;
    const AnyTokenizer tokenizer = open_tokenizer(LAPIDARY_TEST_DATA "/text/data/tok512.model");
    write_text(folder / "data", tokenizer, tokenizer.eos_id());
    const TokenChunks chunks(folder / "data", {.batch_size = 1});
    CHECK_THROWS_WITH(find_text(tokenizer, chunks, nullptr, ""), ContainsSubstring("is empty"));
    CHECK_THROWS_WITH(find_text(tokenizer, chunks, nullptr, "a\xFF"), ContainsSubstring("is not UTF-8"));
    const auto all = find_text(tokenizer, chunks, nullptr, "fox");
    REQUIRE(all.size() > 9);
    CHECK(find_text(tokenizer, chunks, nullptr, "fox", 4) == std::vector<TextMatch>(all.begin(), all.begin() + 4));
    CHECK(find_text(tokenizer, chunks, nullptr, "fox", 0).empty());
    CHECK(find_text(tokenizer, chunks, nullptr, "foxglove").empty());
}
