#include "catch.hpp"
#include "text/random_text.hpp"

#include <lapidary/io/json.hpp>
#include <lapidary/text/tokenizer_json.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

const fs::path data = fs::path(LAPIDARY_TEST_DATA) / "text" / "data" / "tokenizers";

// A directory of its own with a tokenizer.json of the given text.
struct Directory {
    fs::path path = fs::temp_directory_path() / ("lapidary_tokenizer_" + std::to_string(::getpid()));
    explicit Directory(std::string_view json) {
        fs::create_directories(path);
        write("tokenizer.json", json);
    }
    ~Directory() { fs::remove_all(path); }
    [[nodiscard]] fs::path file() const { return path / "tokenizer.json"; }
    void write(const std::string& name, std::string_view text) const {
        std::ofstream(path / name, std::ios::binary) << text;
    }
};

Json minimal() {
    return Json::parse(R"({"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3, "c": 4}, "merges": ["a b"]}})");
}

// The message with which a minimal file is refused after `change`.
template <class Change>
std::string refusal(ErrorCode code, Change&& change) {
    Json json = minimal();
    change(json);
    const Directory directory(json.dump());
    try {
        const JsonTokenizer tokenizer(directory.file());
    } catch (const Error& error) {
        CHECK(error.code() == code);
        CHECK_THAT(error.what(), ContainsSubstring(directory.file().string()));
        return error.what();
    }
    return "accepted";
}

std::vector<TokenId> ids_of(const Json& json, std::string_view text) {
    const Directory directory(json.dump());
    return JsonTokenizer(directory.file()).encode(text);
}

using Ids = std::vector<TokenId>;

}  // namespace

TEST_CASE("text comes back where the tokenizer promises it", "[tokenizer]") {
    for (const char* name : {"gpt2", "falcon", "gpt4", "llama"}) {
        const JsonTokenizer tokenizer(data / (std::string(name) + ".json"));
        CAPTURE(name);
        bool same = true;
        for (std::uint64_t item = 0; item < 3000; ++item) {
            std::string text;
            append_valid_utf8(text, random_text(item));
            if (text.find('<') != std::string::npos || text.find("|||MAIL") != std::string::npos ||
                text.find("solo") != std::string::npos || text.find("\u2581") != std::string::npos) {
                continue;  // special tokens decode to nothing; what stands behind added ones gets a space
            }
            same = same && tokenizer.decode(tokenizer.encode(text)) == text;
        }
        CHECK(same);
    }
}

TEST_CASE("added tokens are found as they ask for it", "[tokenizer]") {
    const JsonTokenizer tokenizer(data / "llama.json");
    const auto spelled = [&](std::string_view text) {  // ids of added tokens, -1 for everything else
        Ids ids;
        for (TokenId id : tokenizer.encode(text)) {
            if (id >= 1000) ids.push_back(id);
        }
        return ids;
    };
    const auto size = static_cast<TokenId>(tokenizer.vocabulary_size());
    const TokenId prefix = size - 5, mail = size - 4, mask = size - 3, sep = size - 2, solo = size - 1;
    CHECK(spelled("<|fim_prefix|>x<|fim_prefix|>") == Ids{prefix, prefix});
    CHECK(spelled("|||MAIL||| |||MAIL|||x|||MAIL|||") ==
          Ids{mail, mail});  // in the normalized text: behind a space
    CHECK(spelled("solo solos, solo_ (solo)") == Ids{solo, solo});
    CHECK(tokenizer.encode("  <mask>") == Ids{mask});
    CHECK(tokenizer.encode("<sep>   ") == Ids{sep});
    CHECK(tokenizer.decode(tokenizer.encode("x<|fim_prefix|>")) == "x");
    CHECK(tokenizer.decode(Ids{mask}) == "<mask>");
    CHECK(tokenizer.unknown_id() == 0);
    CHECK(tokenizer.bos_id() == 1);
    CHECK(tokenizer.eos_id() == 2);
}

TEST_CASE("a million bytes without a space are no trouble", "[tokenizer]") {
    std::string letters;
    for (std::uint32_t i = 0; i < 1000000; ++i) letters += static_cast<char>('a' + (i * 2654435761U >> 13) % 26);
    for (const char* name : {"gpt2", "neox", "llama"}) {
        const JsonTokenizer tokenizer(data / (std::string(name) + ".json"));
        CHECK(tokenizer.decode(tokenizer.encode(letters)) == letters);
        CHECK(tokenizer.decode(tokenizer.encode(std::string(1000000, ' ') + "x")) ==
              std::string(1000000, ' ') + "x");
        CHECK(tokenizer.decode(tokenizer.encode(std::string(1000000, 'a'))) == std::string(1000000, 'a'));
    }
}

TEST_CASE("many threads get the same ids", "[tokenizer]") {
    const JsonTokenizer tokenizer(data / "neox.json");
    const JsonTokenizer other(data / "gpt2.json");  // shares the threads' caches
    std::vector<Ids> expected;
    for (std::uint64_t item = 0; item < 300; ++item) expected.push_back(tokenizer.encode(random_text(item)));
    std::vector<int> wrong(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([&, t] {
            for (std::size_t item = 0; item < expected.size(); ++item) {
                wrong[t] += other.encode(random_text(item)) == other.encode(random_text(item)) ? 0 : 1;
                wrong[t] += tokenizer.encode(random_text(item)) == expected[item] ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(4));
}

TEST_CASE("byte pairs: unknown characters, merges in both spellings, whole pieces", "[tokenizer]") {
    Json json = minimal();
    CHECK(ids_of(json, "abcab") == Ids{2, 4, 2});
    CHECK(ids_of(json, "axxc") == Ids{0, 4});
    CHECK(ids_of(json, "axxb") == Ids{2});  // nothing stands for what is unknown, so these are neighbours
    json["model"]["unk_token"] = "<unk>";
    CHECK(ids_of(json, "axxb") == Ids{0, 3, 3, 1});
    json["model"]["fuse_unk"] = true;
    CHECK(ids_of(json, "axxb") == Ids{0, 3, 1});
    json["model"]["merges"] = Json::parse(R"([["a", "b"]])");
    CHECK(ids_of(json, "ab") == Ids{2});
    json["model"]["merges"] = Json::parse(R"(["#version: 0.2", "a b"])");
    CHECK(ids_of(json, "ab") == Ids{2});
    json["model"]["merges"] = Json::array();
    CHECK(ids_of(json, "ab") == Ids{0, 1});
    json["model"]["ignore_merges"] = true;
    CHECK(ids_of(json, "ab") == Ids{2});
    CHECK(ids_of(json, "").empty());
}

TEST_CASE("special ids come from tokenizer_config.json, or from the usual names", "[tokenizer]") {
    Json json = minimal();
    json["model"]["vocab"]["</s>"] = 5;
    json["model"]["vocab"]["<|endoftext|>"] = 6;
    const Directory directory(json.dump());
    CHECK(JsonTokenizer(directory.file()).eos_id() == 5);
    CHECK(JsonTokenizer(directory.file()).bos_id() == -1);
    directory.write("tokenizer_config.json",
                    R"({"bos_token": {"content": "a"}, "eos_token": "<|endoftext|>", "unk_token": "<unk>"})");
    const JsonTokenizer tokenizer(directory.file());
    CHECK(tokenizer.bos_id() == 0);
    CHECK(tokenizer.eos_id() == 6);
    CHECK(tokenizer.unknown_id() == 3);
    directory.write("tokenizer_config.json", R"({"eos_token": null})");
    CHECK(JsonTokenizer(directory.file()).eos_id() == -1);
    directory.write("tokenizer_config.json", R"({"eos_token": 5})");
    CHECK_THROWS_WITH(JsonTokenizer(directory.file()), ContainsSubstring("tokenizer_config.json: 'eos_token'"));
    directory.write("tokenizer_config.json", R"([])");
    CHECK_THROWS_WITH(JsonTokenizer(directory.file()), ContainsSubstring("must be an object"));
    json["model"]["vocab"].erase("</s>");
    const Directory again(json.dump());
    fs::remove(again.path / "tokenizer_config.json");
    CHECK(JsonTokenizer(again.file()).eos_id() == 6);
    CHECK(JsonTokenizer(again.file()).bos_id() == 6);
}

TEST_CASE("ids outside the vocabulary are refused, gaps decode to nothing", "[tokenizer]") {
    Json json = minimal();
    json["added_tokens"] = Json::parse(R"([{"id": 9, "content": "!", "special": false}])");
    const Directory directory(json.dump());
    const JsonTokenizer tokenizer(directory.file());
    CHECK(tokenizer.vocabulary_size() == 10);
    CHECK(tokenizer.decode(Ids{0, 7, 9}) == "a !");  // no decoder: spaces between
    CHECK_THROWS_WITH(tokenizer.decode(Ids{0, 10}),
                      ContainsSubstring("id 10 at position 1 is outside the vocabulary of 10"));
    CHECK_THROWS_AS(tokenizer.decode(Ids{-1}), Error);
    JsonTokenizer::Stream stream(tokenizer);
    CHECK_THROWS_AS(stream.add(10), Error);
}

TEST_CASE("what is not known here is refused by file and key", "[tokenizer]") {
    const auto refused = [](const char* key, const char* value) {
        return refusal(ErrorCode::unsupported,
                       [&](Json& json) { json[Json::json_pointer(key)] = Json::parse(value); });
    };
    CHECK_THAT(refused("/model/type", R"("Unigram")"),
               ContainsSubstring(": model.type: 'Unigram' is not supported"));
    CHECK_THAT(refused("/model/dropout", "0.1"), ContainsSubstring(": model.dropout: "));
    CHECK_THAT(refused("/model/end_of_word_suffix", R"("</w>")"),
               ContainsSubstring(".end_of_word_suffix: '</w>'"));
    CHECK_THAT(refused("/model/continuing_subword_prefix", R"("##")"), ContainsSubstring("'##'"));
    CHECK_THAT(refused("/normalizer", R"({"type": "Lowercase"})"),
               ContainsSubstring(": normalizer.type: 'Lowercase'"));
    CHECK_THAT(
        refused("/normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]})"),
        ContainsSubstring(": normalizer.normalizers[1].type: 'NFKC' is not supported"));
    CHECK_THAT(refused("/pre_tokenizer", R"({"type": "BertPreTokenizer"})"),
               ContainsSubstring(": pre_tokenizer.type"));
    CHECK_THAT(refused("/pre_tokenizer", R"({"type": "Punctuation", "behavior": "Odd"})"),
               ContainsSubstring(": pre_tokenizer.behavior: 'Odd'"));
    CHECK_THAT(refused("/pre_tokenizer", R"({"type": "Metaspace", "prepend_scheme": "last"})"),
               ContainsSubstring("'last'"));
    CHECK_THAT(
        refused("/pre_tokenizer", R"({"type": "Split", "pattern": {"Regex": "a("}, "behavior": "Isolated"})"),
        ContainsSubstring(": pre_tokenizer: 'a(': missing closing parenthesis"));
    CHECK_THAT(refused("/pre_tokenizer",
                       R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "ByteLevel"}]})"),
               ContainsSubstring("'ByteLevel, twice'"));
    const std::string longer(65, 'x');
    CHECK_THAT(refused("/normalizer", (R"({"type": "Prepend", "prepend": ")" + longer + "\"}").c_str()),
               ContainsSubstring(": normalizer.prepend: 'xxx"));
    Json steps = Json::array();
    for (int i = 0; i < 33; ++i) steps.push_back({{"type", "Digits"}});
    CHECK_THAT(refused("/pre_tokenizer", Json({{"type", "Sequence"}, {"pretokenizers", steps}}).dump().c_str()),
               ContainsSubstring("pretokenizers[32].type: 'more than 32 steps' is not supported"));
    CHECK_THAT(refused("/decoder", R"({"type": "WordPiece"})"), ContainsSubstring(": decoder.type: 'WordPiece'"));
    CHECK_THAT(refused("/decoder", R"({"type": "Replace", "pattern": {"Regex": "a"}, "content": ""})"),
               ContainsSubstring("'Regex'"));
    CHECK_THAT(refused("/decoder", R"({"type": "Strip", "content": " ", "start": 1, "stop": 0})"),
               ContainsSubstring("'Strip'"));
    CHECK_THAT(refused("/decoder", R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
                                       {"type": "Strip", "content": " ", "start": 1, "stop": 1}]})"),
               ContainsSubstring("decoders[1].stop: 'a Strip at the end'"));
    CHECK_THAT(
        refused("/decoder", R"({"type": "Sequence", "decoders": [{"type": "ByteLevel"}, {"type": "Fuse"}]})"),
        ContainsSubstring("'Fuse, behind others'"));
}

TEST_CASE("a damaged tokenizer.json is refused by file and key", "[tokenizer]") {
    const auto refused = [](const char* key, const char* value) {
        return refusal(ErrorCode::format, [&](Json& json) { json[Json::json_pointer(key)] = Json::parse(value); });
    };
    CHECK_THAT(refused("/model", "3"), ContainsSubstring(": model: must be an object"));
    CHECK_THAT(refused("/model", "{}"), ContainsSubstring(": model: 'vocab' is missing"));
    CHECK_THAT(refused("/model/vocab", "{}"), ContainsSubstring(": model.vocab: must not be empty"));
    CHECK_THAT(refused("/model/vocab", "[1]"), ContainsSubstring(": model.vocab: must be an object"));
    CHECK_THAT(refused("/model/vocab/a", "-1"), ContainsSubstring("the id of 'a' must be an integer from 0"));
    CHECK_THAT(refused("/model/vocab/a", "0.5"), ContainsSubstring("the id of 'a'"));
    CHECK_THAT(refused("/model/vocab/a", "18446744073709551615"), ContainsSubstring("the id of 'a'"));
    CHECK_THAT(refused("/model/vocab/a", "1000000000"), ContainsSubstring("far beyond the number of tokens"));
    CHECK_THAT(refused("/model/vocab/a", "1"), ContainsSubstring("two tokens have the id 1"));
    CHECK_THAT(refused("/model/unk_token", R"("no")"),
               ContainsSubstring(": model.unk_token: 'no' is not in the vocabulary"));
    CHECK_THAT(refused("/model/merges", "7"), ContainsSubstring(": model.merges: must be an array"));
    CHECK_THAT(refused("/model/merges", R"(["a b", "a x"])"),
               ContainsSubstring(".merges[1]: 'x' is not in the vocabulary"));
    CHECK_THAT(refused("/model/merges", R"(["b a"])"), ContainsSubstring("'ba' is not in the vocabulary"));
    CHECK_THAT(refused("/model/merges", R"(["ab"])"), ContainsSubstring("two tokens with a space between: 'ab'"));
    CHECK_THAT(refused("/model/merges", R"(["a b c"])"), ContainsSubstring("two tokens with a space between"));
    CHECK_THAT(refused("/model/merges", R"([["a"]])"), ContainsSubstring(".merges[0]: must be"));
    CHECK_THAT(refused("/added_tokens", "{}"), ContainsSubstring(": added_tokens: must be an array"));
    CHECK_THAT(refused("/added_tokens", R"([{"id": 5}])"),
               ContainsSubstring(": added_tokens[0]: 'content' is missing"));
    CHECK_THAT(refused("/added_tokens", R"([{"id": 1, "content": "x"}])"),
               ContainsSubstring("two tokens have the id 1: 'x'"));
    CHECK_THAT(refused("/added_tokens", R"([{"id": 5, "content": ""}])"),
               ContainsSubstring("added token 5 has 0 bytes"));
    CHECK_THAT(refused("/added_tokens", R"([{"id": -5, "content": "x"}])"), ContainsSubstring("the id -5 of 'x'"));
    CHECK_THAT(refused("/normalizer", "[]"), ContainsSubstring(": normalizer: must be an object"));
    CHECK_THAT(
        refused("/pre_tokenizer", R"({"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated"})"),
        ContainsSubstring(": pre_tokenizer.pattern: must not be empty"));
    CHECK_THAT(refused("/pre_tokenizer", R"({"type": "Split", "pattern": "x"})"),
               ContainsSubstring("must be an object"));
    CHECK_THAT(refused("/decoder", R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
                                       {"type": "Strip", "content": "ab", "start": 1, "stop": 0}]})"),
               ContainsSubstring("must be one character"));
    CHECK_THAT(refused("/decoder", R"({"type": "Metaspace", "replacement": ""})"),
               ContainsSubstring(".replacement"));
    CHECK_THROWS_AS(JsonTokenizer(data / "no_such.json"), Error);
    CHECK_THROWS_AS(JsonTokenizer(data), Error);
}

TEST_CASE("replacements that grow without end are an error", "[tokenizer]") {
    Json json = minimal();
    Json steps = Json::array();
    for (int i = 0; i < 60; ++i) {
        steps.push_back(Json::parse(R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})"));
    }
    json["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
    CHECK_THROWS_WITH(ids_of(json, "ba"), ContainsSubstring("the normalizer makes"));
    json["decoder"] = {{"type", "Sequence"}, {"decoders", steps}};
    CHECK_THROWS_WITH(ids_of(json, "b"), ContainsSubstring("makes too much text of 'a"));
}

TEST_CASE("a pattern that takes too many steps is an error", "[tokenizer]") {
    Json json = minimal();
    json["pre_tokenizer"] =
        Json::parse(R"({"type": "Split", "pattern": {"Regex": "(?:a|aa)+\\d"}, "behavior": "Isolated"})");
    const Directory directory(json.dump());
    const JsonTokenizer tokenizer(directory.file());
    CHECK(tokenizer.encode("ab") == Ids{2});
    CHECK_THROWS_WITH(tokenizer.encode(std::string(60, 'a') + "c"), ContainsSubstring("match limit exceeded"));
}

TEST_CASE("a tokenizer.json cut off anywhere is refused", "[tokenizer]") {
    const std::string good = read_text(data / "llama.json");
    const std::size_t end = good.find_last_of('}');
    for (std::size_t percent = 0; percent <= 100; ++percent) {
        const Directory directory(good.substr(0, percent * end / 100));
        CAPTURE(percent);
        CHECK_THROWS_AS(JsonTokenizer(directory.file()), Error);
    }
}
