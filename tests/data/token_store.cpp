#include "catch.hpp"
#include "support.hpp"

#include <lapidary/data/text_block_view.hpp>
#include <lapidary/data/token_store.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace lapidary;
using test::ByteTokenizer;
using test::spell;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// A store for files that may be filled in several goes.
class Filled {
public:
    Filled(const TemporaryFolder& folder, Recipe recipe, Json definition = {{"of", "a test"}})
        : recipe_(std::move(recipe)),
          files_(find_inputs(recipe_, folder / "").files),
          store_((fs::create_directory(folder / "store"), folder / "store"), recipe_, files_, 259, definition) {}

    /// Appends up to `count` blocks; commits them unless told otherwise.
    Filled& read(int count = 1 << 20, bool commit = true) {
        TextBlockReader reader(files_, as_stored, static_cast<std::size_t>(recipe_.max_document_bytes),
                               store_.position());
        const ByteTokenizer bytes;
        const BlockTokenizer<ByteTokenizer> tokenizer(bytes, recipe_, files_, 259);
        TextBlock block;
        for (int i = 0; i < count && reader.next(block); ++i) store_.append(tokenizer(block));
        if (commit) store_.commit();
        return *this;
    }
    [[nodiscard]] const TokenStore& operator*() const { return store_; }
    [[nodiscard]] const TokenStore* operator->() const { return &store_; }

    [[nodiscard]] std::vector<std::string> windows(Index source) const {
        std::vector<std::string> result;
        std::vector<TokenId> ids(static_cast<std::size_t>(recipe_.window()));
        for (Index w = 0; w < store_.windows(source); ++w) {
            store_.read(source, w, ids);
            result.push_back(spell(ids));
        }
        return result;
    }
    [[nodiscard]] std::vector<std::pair<Index, Index>> origins(Index source) const {
        std::vector<std::pair<Index, Index>> result;
        for (Index w = 0; w < store_.windows(source); ++w) {
            const WindowOrigin origin = store_.origin(source, w);
            result.emplace_back(origin.document, origin.offset);
        }
        return result;
    }

private:
    Recipe recipe_;
    std::vector<InputFile> files_;
    TokenStore store_;
};

Recipe one_source(Index context, Index stride) {
    Recipe recipe = test::small_recipe({{"a", "f"}});
    recipe.context = context;
    recipe.stride = stride;
    return recipe;
}

using Windows = std::vector<std::string>;
using Origins = std::vector<std::pair<Index, Index>>;

}  // namespace

TEST_CASE("documents are laid end to end and cut into windows", "[token_store]") {
    const TemporaryFolder folder;
    test::write(folder / "f", test::json_lines({"abcdefg", "hi", "|", "jklmnopqrst"}));
    {  // abcdefg|hi|||jklmnopqrst| in windows of four
        const Filled store = std::move(Filled(folder, one_source(3, 4)).read());
        CHECK(store.windows(0) == Windows{"abcd", "efg|", "hi||", "|jkl", "mnop", "qrst"});
        CHECK(store.origins(0) == Origins{{0, 0}, {0, 4}, {1, 0}, {2, 1}, {3, 3}, {3, 7}});
        CHECK(store->sources()[0].documents == 4);
        CHECK(store->sources()[0].tokens == 25);
        CHECK(store->complete());
    }
    fs::remove_all(folder / "store");
    {  // consecutive windows share a token
        const Filled store = std::move(Filled(folder, one_source(3, 3)).read());
        CHECK(store.windows(0) == Windows{"abcd", "defg", "g|hi", "i|||", "|jkl", "lmno", "opqr", "rst|"});
        CHECK(store.origins(0) == Origins{{0, 0}, {0, 3}, {0, 6}, {1, 1}, {2, 1}, {3, 2}, {3, 5}, {3, 8}});
    }
}

TEST_CASE("a window more at every stride", "[token_store]") {
    for (const Index stride : {3, 4}) {
        for (Index tokens = 2; tokens < 20; ++tokens) {
            const TemporaryFolder folder;
            test::write(folder / "f", test::json_lines({std::string(static_cast<std::size_t>(tokens) - 1, 'x')}));
            const Filled store = std::move(Filled(folder, one_source(3, stride)).read());
            Index whole = 0;
            while (whole * stride + 4 <= tokens) ++whole;
            CAPTURE(stride, tokens);
            CHECK(store->windows(0) == whole);
            CHECK(store.windows(0).size() == static_cast<std::size_t>(whole));
        }
    }
}

TEST_CASE("marks of beginning and end are the recipe's", "[token_store]") {
    for (const bool bos : {false, true}) {
        for (const bool eos : {false, true}) {
            const TemporaryFolder folder;
            test::write(folder / "f", test::json_lines({"ab", "cd"}));
            Recipe recipe = one_source(1, 2);
            recipe.bos = bos;
            recipe.eos = eos;
            const Filled store = std::move(Filled(folder, recipe).read());
            const Index length = 2 + (bos ? 1 : 0) + (eos ? 1 : 0);
            CHECK(store->sources()[0].tokens == 2 * length);
            std::vector<TokenId> ids(2);
            store->read(0, 0, ids);
            CHECK(ids[0] == (bos ? 1 : 'a' + 3));
            store->read(0, length - 1, ids);
            CHECK(ids[1] == (eos ? 2 : 'd' + 3));
        }
    }
    struct NoEos : ByteTokenizer {
        [[nodiscard]] TokenId eos_id() const { return -1; }
    };
    const NoEos tokenizer;
    CHECK_THROWS_WITH(BlockTokenizer<NoEos>(tokenizer, one_source(1, 2), {}, 259),
                      ContainsSubstring("no end-of-sequence id"));
}

TEST_CASE("a window never holds tokens of two sources", "[token_store]") {
    const TemporaryFolder folder;
    test::write(folder / "f", test::json_lines({"abcdef"}));
    test::write(folder / "g", test::json_lines({"ghijkl", "m"}));
    test::write(folder / "h", test::json_lines({"nopqr"}));
    Recipe recipe = test::small_recipe({{"a", "f"}, {"b", "g"}});
    recipe.context = 3;
    recipe.stride = 4;
    recipe.sources[0].files.emplace_back("h");
    const Filled store = std::move(Filled(folder, recipe).read());
    CHECK(store.windows(0) == Windows{"abcd", "ef|n", "opqr"});
    CHECK(store.windows(1) == Windows{"ghij", "kl|m"});
    CHECK(store->origin(0, 2).document == 1);
    CHECK(store->origin(1, 1).document == 2);
    CHECK(store->origin(1, 1).source == 1);
    const DocumentRow row = store->documents().read(1);
    CHECK(std::vector<Index>{row.label, row.file, row.line, row.begin, row.end, row.start, row.tokens} ==
          std::vector<Index>{0, 1, 1, 0, 16, 7, 6});
    CHECK(store->inputs().read(2).hash() == sha256_file(folder / "g"));
}

TEST_CASE("what was not committed is done again", "[token_store]") {
    const TemporaryFolder folder;
    std::string text;
    for (int i = 0; i < 40; ++i) text += test::json_lines({std::string(100'000, static_cast<char>('a' + i % 26))});
    test::write(folder / "f", text);
    test::write(folder / "g", test::json_lines({"the last"}));
    Recipe recipe = one_source(1000, 1001);
    recipe.sources[0].files.emplace_back("g");
    const TemporaryFolder other;
    test::write(other / "f", text);
    test::write(other / "g", test::read(folder / "g"));
    const Filled whole = std::move(Filled(other, recipe).read());
    // Blocks of 11, 11, 11 and 7 lines, then the other file.
    const std::vector<std::pair<Index, Index>> expected{{22, 0}, {33, 0}, {40, 1}, {41, 2}, {41, 2}};
    for (const bool commit : {false, true}) {
        for (int count = commit ? 0 : 2; count < 5; ++count) {
            fs::remove_all(folder / "store");
            Filled(folder, recipe).read(2);
            Filled(folder, recipe).read(count, commit);
            const auto [documents, file] = expected[commit ? static_cast<std::size_t>(count) : 0];
            Filled finished(folder, recipe);
            CHECK(finished->documents().size() == documents);
            CHECK(finished->position().file == file);
            CHECK(finished->complete() == (file == 2));
            finished.read();
            CHECK(finished->complete());
            CHECK(finished.windows(0) == whole.windows(0));
            CHECK(finished.origins(0) == whole.origins(0));
            CHECK(finished->documents().size() == 41);
            CHECK(finished->inputs().read(0).hash() == whole->inputs().read(0).hash());
        }
    }
}

TEST_CASE("documents that came before are dropped and counted, also after a pause", "[token_store]") {
    const TemporaryFolder folder;
    const std::string filler(600'000, 'x');
    test::write(folder / "f", test::json_lines({"one", "two", "one", filler, filler, "two", "three"}) +
                                  "{\"text\":\"\\u006fne\"}\n");  // the text counts, not its spelling
    test::write(folder / "g", test::json_lines({"three", "four", "One"}));
    Recipe recipe = test::small_recipe({{"a", "f"}, {"b", "g"}});
    recipe.deduplicate = true;
    for (const int pause : {0, 1, 2, 3}) {
        fs::remove_all(folder / "store");
        Filled(folder, recipe).read(pause);
        const Filled store = std::move(Filled(folder, recipe).read());
        CHECK(store->sources()[0].documents == 4);  // one, two, filler, three
        CHECK(store->sources()[0].discards[Discard::duplicate] == 4);
        CHECK(store->sources()[1].documents == 2);
        CHECK(store->sources()[1].discards[Discard::duplicate] == 1);
        CHECK(store->documents().read(3).line == 7);
    }
    fs::remove_all(folder / "store");
    recipe.deduplicate = false;
    const Filled all = std::move(Filled(folder, recipe).read());
    CHECK(all->documents().size() == 11);
}

TEST_CASE("another definition is refused", "[token_store]") {
    const TemporaryFolder folder;
    test::write(folder / "f", test::json_lines({"abcdefg"}));
    Filled(folder, one_source(3, 4), {{"of", "this"}}).read();
    try {
        const Filled store(folder, one_source(3, 4), {{"of", "that"}});
        FAIL("was accepted");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::value);
        CHECK_THAT(error.what(), ContainsSubstring("remove " + (folder / "store").string() + " to begin anew"));
    }
    test::write(folder / "store/state.json", "{");
    CHECK_THROWS_WITH(Filled(folder, one_source(3, 4)), ContainsSubstring("state.json"));
}

TEST_CASE("an input that is not what was read is refused by name", "[token_store]") {
    const TemporaryFolder folder;
    std::string text;
    for (int i = 0; i < 40; ++i) text += test::json_lines({std::string(100'000, static_cast<char>('a' + i % 26))});
    const auto fresh = [&](int count) {
        fs::remove_all(folder / "store");
        test::write(folder / "f", test::json_lines({"the first"}));
        test::write(folder / "g", text);
        Recipe recipe = one_source(10, 11);
        recipe.sources[0].files.emplace_back("g");
        Filled(folder, recipe).read(count);
        return recipe;
    };
    const auto refused = [&](const Recipe& recipe, const char* name) {
        try {
            const Filled store(folder, recipe);
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::integrity);
            CHECK_THAT(error.what(), ContainsSubstring((folder / name).string() + ": has changed since"));
            CHECK_THAT(error.what(), ContainsSubstring("remove " + (folder / "store").string()));
            return true;
        }
        return false;
    };
    const auto damaged = [](std::string bytes, std::size_t at) {
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        return bytes;
    };
    const std::string first = test::json_lines({"the first"});
    for (const std::string& other : {first + first, first.substr(0, first.size() - 1), damaged(first, 12)}) {
        for (const int count : {1, 99}) {  // a finished file: any change
            const Recipe recipe = fresh(count);
            test::write(folder / "f", other);
            CHECK(refused(recipe, "f"));
        }
    }
    for (const std::size_t at : {std::size_t{10}, std::size_t{500'000}}) {  // a file begun: before the place
        const Recipe recipe = fresh(3);
        test::write(folder / "g", damaged(text, at));
        CHECK(refused(recipe, "g"));
    }
    {
        const Recipe recipe = fresh(3);
        test::write(folder / "g", text.substr(0, 1'000'000));
        CHECK(refused(recipe, "g"));
    }
    // What comes after the place was not read yet: it is as if it had always been so.
    for (const std::string& other :
         {damaged(text, text.size() - 50'000), text + first, text.substr(0, text.size() - 50'000) + "\"}\n"}) {
        const Recipe recipe = fresh(2);
        test::write(folder / "g", other);
        const Filled gone_on = std::move(Filled(folder, recipe).read());
        const std::vector<std::string> windows = gone_on.windows(0);
        const std::string hash(gone_on->inputs().read(1).hash());
        CHECK(hash == sha256_file(folder / "g"));
        fs::remove_all(folder / "store");
        const Filled anew = std::move(Filled(folder, recipe).read());
        CHECK(windows == anew.windows(0));
    }
    for (const char* name : {"f", "g"}) {  // gone
        Recipe recipe = fresh(3);
        const std::vector<InputFile> files = find_inputs(recipe, folder / "").files;
        fs::remove(folder / name);
        CHECK_THROWS_WITH(TokenStore(folder / "store", recipe, files, 259, {{"of", "a test"}}),
                          ContainsSubstring((folder / name).string()));
    }
}
