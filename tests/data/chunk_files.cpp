#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/token_chunks.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace lapidary;
using test::ByteTokenizer;
using test::prepare;
using test::spell;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

using Windows = std::vector<std::string>;

// A source's stream cut by hand.
Windows cut(const std::vector<std::string>& texts, std::size_t window, std::size_t stride) {
    std::string stream;
    for (const std::string& text : texts) stream += text + "|";
    Windows windows;
    for (std::size_t at = 0; at + window <= stream.size(); at += stride)
        windows.push_back(stream.substr(at, window));
    return windows;
}

Windows spelled(const WindowFile& file) {
    Windows windows;
    for (Index row = 0; row < file.windows(); ++row) windows.push_back(spell(test::window(file, row)));
    return windows;
}

// A line of a released chunk file.
std::string released(const std::vector<TokenId>& ids, const std::string& source) {
    return Json{{"token_ids", ids}, {"source", source}}.dump() + "\n";
}

}  // namespace

TEST_CASE("windows are held out by the draw and the others dealt in turn", "[chunk_files]") {
    const TemporaryFolder folder;
    const std::vector<std::vector<std::string>> texts{test::texts("wiki", 90), test::texts("books", 37)};
    test::write(folder / "wiki", test::json_lines(texts[0]));
    test::write(folder / "books", test::json_lines(texts[1]));
    Recipe recipe = test::small_recipe({{"wiki", "wiki"}, {"books", "books"}});
    recipe.chunks = 4;
    recipe.order = MixOrder::dealt;
    recipe.validation.share = 0.2;
    const Json manifest = prepare(folder / "", folder / "out", recipe);
    const TokenChunks chunks(folder / "out", {.batch_size = 2});
    CHECK(chunks.context() == 7);
    CHECK(chunks.vocabulary() == 259);
    CHECK(chunks.eos_id() == 2);
    CHECK(chunks.sources() == std::vector<std::string>{"wiki", "books"});

    std::vector<Windows> expected(4);
    Windows held_out;
    for (std::size_t s = 0; s < 2; ++s) {
        const Windows windows = cut(texts[s], 8, 8);
        const auto count = static_cast<Index>(windows.size());
        const auto held = static_cast<Index>(std::lround(0.2 * static_cast<double>(count)));
        const HeldOutWindows drawn(count, held, 5, s);
        for (const Index w : drawn.windows()) held_out.push_back(windows[static_cast<std::size_t>(w)]);
        const Index used = drawn.training() / 4 * 4;
        for (Index i = 0; i < used; ++i) {
            expected[static_cast<std::size_t>(i % 4)].push_back(
                windows[static_cast<std::size_t>(drawn.training(i))]);
        }
        const Json& source = manifest["sources"][s];
        CHECK(source["windows"] == count);
        CHECK(source["validation_windows"] == held);
        CHECK(source["training_windows"] == used);
        CHECK(source["unused_windows"] == drawn.training() - used);
    }
    for (Index c = 0; c < 4; ++c) CHECK(spelled(chunks.chunk(c)) == expected[static_cast<std::size_t>(c)]);
    CHECK(spelled(chunks.validation()) == held_out);
    CHECK(manifest["validation_windows"] == held_out.size());
}

TEST_CASE("every epoch has every training window once, before the next begins", "[chunk_files]") {
    for (const Index stride : {7, 8}) {  // with 7, consecutive windows share a token
        const TemporaryFolder folder;
        const std::vector<std::string> texts = test::texts("w", 50);
        test::write(folder / "w", test::json_lines(texts));
        Recipe recipe = test::small_recipe({{"w", "w"}});
        recipe.stride = stride;
        recipe.chunks = 3;
        recipe.validation.windows = 9;
        recipe.sources[0].epochs = 3;
        prepare(folder / "", folder / "out", recipe);
        const TokenChunks chunks(folder / "out", {.batch_size = 1});
        const Windows windows = cut(texts, 8, static_cast<std::size_t>(stride));
        std::map<std::pair<Index, Index>, std::vector<Index>> seen;  // by document and offset: the epochs
        Index last = 0;
        bool ascending = true;
        std::vector<Windows> orders(3);
        for (Index c = 0; c < 3; ++c) {
            for (Index row = 0; row < chunks.windows_per_chunk(); ++row) {
                const WindowOrigin origin = chunks.chunk(c).origin(row);
                seen[{origin.document, origin.offset}].push_back(origin.epoch);
                ascending = ascending && origin.epoch >= last;
                last = origin.epoch;
                orders[static_cast<std::size_t>(origin.epoch)].push_back(
                    spell(test::window(chunks.chunk(c), row)));
            }
        }
        CHECK(ascending);
        CHECK(seen.size() == windows.size() - 9);
        Index thrice = 0;
        for (const auto& [place, epochs] : seen) thrice += epochs == std::vector<Index>{0, 1, 2} ? 1 : 0;
        CHECK(thrice >= static_cast<Index>(seen.size()) - 2);  // what fills no chunk is missing
        CHECK(orders[0] != orders[1]);
        CHECK(orders[1] != orders[2]);
        for (Index row = 0; row < 9; ++row) {
            const WindowOrigin origin = chunks.validation().origin(row);
            CHECK_FALSE(seen.contains({origin.document, origin.offset}));
            CHECK(origin.epoch == 0);
        }
    }
}

TEST_CASE("FIM is another in every epoch and leaves what is held out", "[chunk_files]") {
    const TemporaryFolder folder;
    const std::vector<std::string> texts = test::texts("w", 60);
    test::write(folder / "w", test::json_lines(texts));
    const std::string plain =
        "without, but long enough for some windows of so many tokens, which stay as they are";
    test::write(folder / "v", test::json_lines({plain}));
    Recipe recipe = test::small_recipe({{"v", "v"}, {"w", "w"}});
    recipe.vocabulary = 263;
    recipe.context = recipe.stride = 31;
    recipe.validation.windows = 1;
    recipe.sources[1].epochs = 4;
    recipe.sources[1].fim = FimRecipe{.rate = 0.9, .prefix = 259, .middle = 260, .suffix = 261, .pad = 262};
    const Json manifest = prepare(folder / "", folder / "out", recipe);
    const TokenChunks chunks(folder / "out", {.batch_size = 1});
    const ByteTokenizer tokenizer;
    const Fim<ByteTokenizer> fim(tokenizer, {.rate = 0.9,
                                             .tokens = {.prefix = 259, .middle = 260, .suffix = 261, .pad = 262},
                                             .eos = 2,
                                             .seed = 5,
                                             .vocabulary = 263});
    std::vector<TokenId> stream;
    std::vector<Index> starts;
    for (const std::string& text : texts) {
        starts.push_back(static_cast<Index>(stream.size()));
        const std::vector<TokenId> ids = tokenizer.encode(text);
        stream.insert(stream.end(), ids.begin(), ids.end());
        stream.push_back(2);
    }
    FimCounts counts;
    Index with_fim = 0;
    std::map<Index, std::vector<std::vector<TokenId>>> by_window;
    for (Index c = 0; c < 2; ++c) {
        for (Index row = 0; row < chunks.windows_per_chunk(); ++row) {
            const WindowOrigin origin = chunks.chunk(c).origin(row);
            const std::vector<TokenId> got = test::window(chunks.chunk(c), row);
            if (origin.source == 0) {
                const std::vector<TokenId> all = tokenizer.encode(plain);
                CHECK(std::equal(got.begin(), got.end(), all.begin() + origin.offset));
                continue;
            }
            const Index start = starts.at(static_cast<std::size_t>(origin.document - 1)) + origin.offset;
            REQUIRE(start % 31 == 0);
            const auto window = std::span(stream).subspan(static_cast<std::size_t>(start), 32);
            REQUIRE(got == fim(window, 1, origin.epoch, start / 31, counts));
            by_window[start / 31].push_back(got);
            ++with_fim;
        }
    }
    CHECK(with_fim > 100);
    CHECK(manifest["fim"] == counts.json());
    CHECK(counts.psm + counts.spm > with_fim / 2);
    Index different = 0;
    for (const auto& [window, made] : by_window) different += made.size() > 1 && made[0] != made[1] ? 1 : 0;
    CHECK(different > static_cast<Index>(by_window.size()) / 2);
    REQUIRE(chunks.validation_windows() == 2);
    for (Index row = 0; row < 2; ++row) {
        for (const TokenId id : test::window(chunks.validation(), row)) CHECK(id < 259);
    }
}

TEST_CASE("weights hold within one sample", "[chunk_files]") {
    const TemporaryFolder folder;
    for (const char* name : {"a", "b", "c"}) test::write(folder / name, test::json_lines(test::texts(name, 60)));
    Recipe recipe = test::small_recipe({{"a", "a"}, {"b", "b"}, {"c", "c"}});
    const std::vector<double> weights{0.523, 0.3, 0.177};
    for (std::size_t s = 0; s < 3; ++s) recipe.sources[s].weight = weights[s];
    for (const Index steps : {0, 31, 500}) {
        recipe.chunks = 7;
        recipe.batch = 7;
        recipe.steps = steps;
        const auto out = folder / ("out" + std::to_string(steps));
        const Json manifest = prepare(folder / "", out, recipe);
        const TokenChunks chunks(out, {.batch_size = 1});
        const Index total = 7 * chunks.windows_per_chunk();
        if (steps > 0) CHECK(total == 7 * steps);
        std::vector<Index> counts(3);
        for (Index c = 0; c < 7; ++c) {
            std::vector<Index> here(3);
            for (Index row = 0; row < chunks.windows_per_chunk(); ++row) {
                ++here[static_cast<std::size_t>(chunks.chunk(c).origin(row).source)];
            }
            for (std::size_t s = 0; s < 3; ++s) {
                counts[s] += here[s];
                const double share = weights[s] * static_cast<double>(chunks.windows_per_chunk());
                CHECK(std::abs(static_cast<double>(here[s]) - share) < 2);
            }
        }
        for (std::size_t s = 0; s < 3; ++s) {
            CAPTURE(steps, s);
            CHECK(std::abs(static_cast<double>(counts[s]) - weights[s] * static_cast<double>(total)) < 1);
            CHECK(manifest["sources"][s]["training_windows"] == counts[s]);
        }
    }
}

TEST_CASE("files of a tree count by language", "[chunk_files]") {
    const TemporaryFolder folder;
    fs::create_directories(folder / "t/deep");
    test::write(folder / "t/a.py", "python is long enough for some windows");
    test::write(folder / "t/b", "other text, long enough for some windows");
    test::write(folder / "t/c.rs", "rust is long enough for some windows");
    test::write(folder / "t/deep/d.py", "more python in a window or two");
    test::write(folder / "t/.e.py", "hidden");
    test::write(folder / "l", test::json_lines({"a line in another source"}));
    Recipe recipe = test::small_recipe({{"t", "t"}, {"l", "l"}});
    recipe.sources[0].format = SourceFormat::tree;
    const Json manifest = prepare(folder / "", folder / "out", recipe);
    const TokenChunks chunks(folder / "out", {.batch_size = 1});
    CHECK(chunks.sources() == std::vector<std::string>{"t", "l", "t/python", "t/other", "t/rust"});
    CHECK(manifest["sources"][0]["documents"] == 4);
    CHECK(manifest["sources"][2].size() == 1);  // a name
    for (Index c = 0; c < 2; ++c) {
        for (Index row = 0; row < chunks.windows_per_chunk(); ++row) {
            const WindowOrigin origin = chunks.chunk(c).origin(row);
            CHECK(origin.source == std::vector{2, 3, 4, 2, 1}.at(static_cast<std::size_t>(origin.document)));
        }
    }
}

TEST_CASE("released chunk files are used as they are", "[chunk_files]") {
    const TemporaryFolder folder;
    std::vector<std::string> files(3);
    std::vector<std::vector<std::vector<TokenId>>> windows(3);
    for (TokenId c = 0; c < 3; ++c) {
        for (TokenId row = 0; row < 5; ++row) {
            const std::vector<TokenId> ids{c, row, 7, 2, 7, 258, 1, 0};
            const std::string source = row < 3 ? "c4" : c == 1 ? "book" : "released";
            files[static_cast<std::size_t>(c)] += released(ids, source);
            windows[static_cast<std::size_t>(c)].push_back(ids);
        }
        test::write(folder / ("chunk_" + std::to_string(c)), files[static_cast<std::size_t>(c)]);
    }
    Recipe recipe = test::small_recipe({{"released", "chunk_*"}});
    recipe.sources[0].format = SourceFormat::token_ids;
    recipe.chunks = 3;
    recipe.order = MixOrder::given;
    prepare(folder / "", folder / "out", recipe);
    const TokenChunks chunks(folder / "out", {.batch_size = 1});
    CHECK(chunks.sources() == std::vector<std::string>{"released", "c4", "book"});
    for (Index c = 0; c < 3; ++c) {
        REQUIRE(chunks.windows_per_chunk() == 5);
        for (Index row = 0; row < 5; ++row) {
            CHECK(test::window(chunks.chunk(c), row) ==
                  windows[static_cast<std::size_t>(c)][static_cast<std::size_t>(row)]);
            const WindowOrigin origin = chunks.chunk(c).origin(row);
            CHECK(origin.document == 5 * c + row);
            CHECK(origin.offset == 0);
            CHECK(origin.source == (row < 3 ? 1 : c == 1 ? 2 : 0));
        }
    }

    const std::string good = files[0];
    const std::vector<std::pair<std::string, std::string>> cases{
        {released({1, 2, 3, 4, 5, 6, 7}, "c4"), "7 token ids, expected 8"},
        {released({1, 2, 3, 4, 5, 6, 7, 8, 9}, "c4"), "9 token ids, expected 8"},
        {released({1, 2, 3, 4, 5, 6, 7, 259}, "c4"), "token 259 is outside the vocabulary of 259"},
        {released({1, 2, 3, 4, 5, 6, 7, -1}, "c4"), "token -1 is outside the vocabulary of 259"},
        {"{\"token_ids\":[1,2,3,4,5,6,7,4294967296]}\n", "'token_ids'[7] must be"},
        {"{\"token_ids\":[1,2,3,4,5,6,7,1.0]}\n", "'token_ids'[7] must be an integer"},
        {"{\"token_ids\":\"1\"}\n", "'token_ids' must be an array"},
        {"{\"source\":\"c4\"}\n", "'token_ids' is missing"},
        {"{\"token_ids\":[1,2,3,4,5,6,7,8],\"source\":3}\n", "'source' must be a string"},
        {std::string("{\"token_ids\":[1,2,3,4,5,6,7,8]}\0\n", 33), "NUL byte"},
        {"[1,2,3,4,5,6,7,8]\n", "an object"},
        {"\xFF\n", "byte 1 is not UTF-8"},
    };
    for (const auto& [line, reason] : cases) {
        test::write(folder / "chunk_1",
                    good.substr(0, good.find('\n') + 1) + line + good.substr(good.find('\n') + 1));
        CAPTURE(line);
        recipe.on_bad = BadDocuments::fail;
        CHECK_THROWS_WITH(prepare(folder / "", folder / "bad", recipe),
                          ContainsSubstring("chunk_1:2: ") && ContainsSubstring(reason));
        CHECK_FALSE(fs::exists(folder / "bad"));
    }
    recipe.on_bad = BadDocuments::skip;
    const Json manifest = prepare(folder / "", folder / "bad", recipe);
    CHECK(manifest["sources"][0]["discarded"]["bad_utf8"] == 1);
    CHECK(manifest["sources"][0]["documents"] == 15);
}
