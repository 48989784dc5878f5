#include "catch.hpp"
#include "text/random_text.hpp"

#include <lapidary/text/open_tokenizer.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

const fs::path data = fs::path(LAPIDARY_TEST_DATA) / "text" / "data";
using Ids = std::vector<TokenId>;

struct Directory {
    fs::path path = fs::temp_directory_path() / ("lapidary_open_" + std::to_string(::getpid()));
    Directory() { fs::create_directories(path); }
    ~Directory() { fs::remove_all(path); }
    void copy(const fs::path& file, const std::string& name) const { fs::copy_file(file, path / name); }
    void write(const std::string& name, std::string_view text) const { std::ofstream(path / name) << text; }
};

template <Tokenizer T>
std::string streamed(const T& tokenizer, const Ids& ids) {
    TextStream<T> stream(tokenizer);
    std::string text;
    for (TokenId id : ids) text += stream.add(id);
    return text + stream.finish();
}

// Has no stream of its own.
struct Plain {
    const JsonTokenizer* tokenizer;
    [[nodiscard]] Ids encode(std::string_view text) const { return tokenizer->encode(text); }
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const { return tokenizer->decode(ids); }
    [[nodiscard]] Index vocabulary_size() const { return tokenizer->vocabulary_size(); }
    [[nodiscard]] TokenId bos_id() const { return -1; }
    [[nodiscard]] TokenId eos_id() const { return -1; }
    [[nodiscard]] TokenId unknown_id() const { return -1; }
};

}  // namespace

TEST_CASE("a directory opens with the tokenizer it has, the model first", "[tokenizer]") {
    const Directory directory;
    CHECK_THROWS_WITH(open_tokenizer(directory.path),
                      ContainsSubstring("neither tokenizer.model nor tokenizer.json"));
    directory.copy(data / "tokenizers" / "llama.json", "tokenizer.json");
    const AnyTokenizer json = open_tokenizer(directory.path);
    CHECK(json.vocabulary_size() == JsonTokenizer(data / "tokenizers" / "llama.json").vocabulary_size());
    CHECK(json.encode("a<s>")[1] == json.bos_id());
    directory.copy(data / "tok512.model", "tokenizer.model");
    directory.write("tokenizer_config.json", R"({"bos_token": "<s>"})");
    const AnyTokenizer model = open_tokenizer(directory.path);
    CHECK(model.vocabulary_size() ==
          1005);  // 512 pieces; of the 1005 ids in the other file those beyond are added
    CHECK(model.encode("Hello<mask>").back() == 1002);
    CHECK(model.eos_id() == 2);
    CHECK(model.encode("<s>").size() > 2);
    CHECK(open_tokenizer(directory.path / "tokenizer.json").vocabulary_size() == 1005);
    CHECK(open_tokenizer(data / "tok512.model").vocabulary_size() == 512);
    CHECK(open_tokenizer(data / "tok512.model").unknown_id() == 0);
    CHECK_THROWS_AS(open_tokenizer(directory.path / "no.model"), Error);
}

TEST_CASE("tokens are added to a SentencePiece model from each of the usual files", "[sentencepiece]") {
    const Directory directory;
    directory.copy(data / "tok512.model", "tokenizer.model");
    CHECK(read_added_tokens(directory.path).empty());
    directory.write("added_tokens.json", R"({"<x>": 512, "<y>": 514})");
    directory.write("tokenizer_config.json", R"({"additional_special_tokens": ["<y>"]})");
    const AnyTokenizer first = open_tokenizer(directory.path);
    CHECK(first.vocabulary_size() == 515);
    CHECK(first.decode(Ids{512, 513, 514}) == "<x>");
    directory.write("tokenizer.json",
                    R"({"added_tokens": [{"id": 1, "content": "<s>"}, {"id": 512, "content": "<j>"}]})");
    CHECK(open_tokenizer(directory.path).decode(Ids{512}) == "<j>");
    directory.write("tokenizer_config.json",
                    R"({"added_tokens_decoder": {"512": {"content": "<d>", "special": true},
                                                 "513": {"content": "<long>", "rstrip": true},
                                                 "2": {"content": "</s>"}}})");
    const AnyTokenizer last = open_tokenizer(directory.path);
    const Ids hello = last.encode("Hello"), world = last.encode("world"), stop = last.encode("</s>");
    Ids expected = hello;
    expected.push_back(513);
    expected.insert(expected.end(), world.begin(), world.end());
    expected.push_back(512);
    CHECK(last.encode("Hello<long>  world<d>") == expected);
    CHECK(last.decode(expected) == "Hello<long>world");
    CHECK(stop.size() > 1);  // the model's own pieces are no added tokens
    directory.write("tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "<d>"}}})");
    CHECK_THROWS_WITH(open_tokenizer(directory.path),
                      ContainsSubstring("tokenizer_config.json: added_tokens_decoder: 'x' is no token id"));
    directory.write("tokenizer_config.json", R"({"added_tokens_decoder": {"600000000": {"content": "<d>"}}})");
    CHECK_THROWS_WITH(open_tokenizer(directory.path),
                      ContainsSubstring("tokenizer.model: the added token '<d>' has the id"));
}

TEST_CASE("added tokens leave what SentencePiece does with malformed bytes", "[sentencepiece]") {
    const SentencePiece plain(data / "tok512.model");
    const SentencePiece added(data / "tok512.model", {{.id = 512, .content = "<x>"}});
    for (std::uint64_t item = 0; item < 500; ++item) {
        const std::string text = random_text(item);
        REQUIRE(added.encode(text) == plain.encode(text));
    }
    CHECK(added.piece(512) == "<x>");
    CHECK_THROWS_WITH(
        SentencePiece(data / "tok512.model", {{.id = 512, .content = "a"}, {.id = 512, .content = "b"}}),
        ContainsSubstring("two added tokens have the id 512"));
}

TEST_CASE("streamed text is the decoded text, whatever the tokenizer", "[tokenizer]") {
    const JsonTokenizer gpt2(data / "tokenizers" / "gpt2.json");
    const AnyTokenizer any = open_tokenizer(data / "tokenizers" / "llama.json");
    const Plain plain{&gpt2};
    const SentencePiece added(data / "tok512.model",
                              {{.id = 512, .content = "<x>"}, {.id = 513, .content = "<y>", .special = true}});
    bool same = true;
    for (std::uint64_t item = 0; item < 2000; ++item) {
        const Ids text_ids = added.encode(random_text(item) + "<x>" + random_text(item + 1) + "<y>");
        same = same && streamed(added, text_ids) == added.decode(text_ids);
        const Ids a = random_ids(item, 514);
        same = same && streamed(added, a) == added.decode(a);
        const Ids b = random_ids(item, 1000);
        same = same && streamed(any, b) == any.decode(b) && streamed(plain, b) == plain.decode(b);
    }
    CHECK(same);
}

TEST_CASE("a stream gives out what is settled and no half characters", "[tokenizer]") {
    const JsonTokenizer tokenizer(data / "tokenizers" / "gpt2.json");
    TextStream<JsonTokenizer> stream(tokenizer);
    const Ids ids = tokenizer.encode("a\U0001F642b");
    REQUIRE(ids.size() == 6);
    CHECK(stream.add(ids[0]) == "a");
    for (int i = 1; i < 4; ++i) CHECK(stream.add(ids[static_cast<std::size_t>(i)]).empty());
    CHECK(stream.add(ids[4]) == "\U0001F642");
    CHECK(stream.add(ids[1]).empty());
    CHECK(stream.finish() == "\uFFFD");
    const SentencePiece model(data / "tok512.model");
    TextStream<SentencePiece> pieces(model);
    std::string text;
    for (TokenId id : model.encode("Once upon")) text += pieces.add(id);
    CHECK(text == "Once upon");
    CHECK(pieces.finish().empty());
}
