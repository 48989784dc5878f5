// Ids and texts equal to those of Hugging Face `tokenizers` and SentencePiece: tests/golden/make_tokenizers.py.

#include "catch.hpp"
#include "text/random_text.hpp"

#include <lapidary/io/json.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/text/sentencepiece.hpp>
#include <lapidary/text/text_stream.hpp>
#include <lapidary/text/tokenizer_json.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace lapidary;

namespace {

const std::filesystem::path data = std::filesystem::path(LAPIDARY_TEST_DATA) / "text" / "data";

class Digest {
public:
    void add(const std::vector<TokenId>& ids) {
        hash_.update(std::as_bytes(std::span(ids)));
        hash_.update(std::vector<std::byte>(4, std::byte{255}));
    }
    void add(const std::string& text) {
        hash_.update(std::as_bytes(std::span(text)));
        hash_.update(std::vector<std::byte>(1, std::byte{255}));
    }
    [[nodiscard]] std::string text() const { return hash_.hex().substr(0, 16); }

private:
    Sha256 hash_;
};

template <Tokenizer T>
std::string streamed(const T& tokenizer, const std::vector<TokenId>& ids) {
    TextStream<T> stream(tokenizer);
    std::string text;
    for (TokenId id : ids) text += stream.add(id);
    return text + stream.finish();
}

template <Tokenizer T>
void check_golden(const T& tokenizer, const std::string& name) {
    CAPTURE(name);
    const Json golden = get<Json>(read_json(data / "tokenizers" / "golden.json"), name, "golden");
    for (const Json& row : golden.at("cases")) {
        const auto text = row.at(0).get<std::string>();
        const auto ids = row.at(1).get<std::vector<TokenId>>();
        CAPTURE(text);
        CHECK(tokenizer.encode(text) == ids);
        CHECK(tokenizer.decode(ids) == row.at(2).get<std::string>());
        CHECK(streamed(tokenizer, ids) == row.at(2).get<std::string>());
    }
    const auto digests = golden.at("ids").get<std::vector<std::string>>();
    REQUIRE(digests.size() == 100);
    for (std::size_t block = 0; block < digests.size(); ++block) {
        Digest ids, texts, random;
        bool streams = true;
        for (std::size_t item = 1000 * block; item < 1000 * block + 1000; ++item) {
            const std::vector<TokenId> encoded = tokenizer.encode(random_text(item));
            ids.add(encoded);
            if (block >= golden.at("texts").size()) continue;
            const auto drawn = random_ids(item, static_cast<std::uint32_t>(tokenizer.vocabulary_size()));
            texts.add(tokenizer.decode(encoded));
            random.add(tokenizer.decode(drawn));
            streams = streams && streamed(tokenizer, encoded) == tokenizer.decode(encoded) &&
                      streamed(tokenizer, drawn) == tokenizer.decode(drawn);
        }
        CAPTURE(block);
        REQUIRE(ids.text() == digests[block]);
        REQUIRE(streams);
        if (block >= golden.at("texts").size()) continue;
        CHECK(texts.text() == golden.at("texts")[block].get<std::string>());
        CHECK(random.text() == golden.at("random")[block].get<std::string>());
    }
    for (char32_t plane = 0; plane < 17; ++plane) {
        Digest ids;
        for (char32_t start = plane << 16; start < (plane + 1) << 16; start += 64) {
            std::string text;
            for (char32_t point = start; point < start + 64; ++point) {
                if (point >= 0xD800 && point < 0xE000) continue;
                std::string c;
                append_utf8(c, point);
                text += "a" + c + "1" + c + " " + c + "\u0301\u0323!";
            }
            ids.add(tokenizer.encode(text));
        }
        CAPTURE(static_cast<int>(plane));
        CHECK(ids.text() == golden.at("planes")[plane].get<std::string>());
    }
}

}  // namespace

TEST_CASE("ids and texts are those of Hugging Face tokenizers, on random text and every code point",
          "[tokenizer]") {
    for (const char* name : {"gpt2", "neox", "falcon", "gpt4", "llama", "metaspace"}) {
        check_golden(JsonTokenizer(data / "tokenizers" / (std::string(name) + ".json")), name);
    }
}

TEST_CASE("ids and texts are those of SentencePiece, on random text and every code point", "[sentencepiece]") {
    check_golden(SentencePiece(data / "tok512.model"), "sentencepiece");
}
