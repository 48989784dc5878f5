#include "catch.hpp"

#include <lapidary/io/json.hpp>
#include <lapidary/text/sentencepiece.hpp>
#include <lapidary/text/train_sentencepiece.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

const fs::path data = fs::path(LAPIDARY_TEST_DATA) / "text" / "data";
const fs::path model = data / "tok512.model";

struct TemporaryFile {
    fs::path path;
    explicit TemporaryFile(const std::string& name)
        : path(fs::temp_directory_path() / ("lapidary_text_" + std::to_string(::getpid()) + "_" + name)) {}
    TemporaryFile(const std::string& name, std::string_view contents) : TemporaryFile(name) {
        std::ofstream(path, std::ios::binary) << contents;
    }
    ~TemporaryFile() { fs::remove(path); }
};

ErrorCode refusal(std::string_view contents) {
    const TemporaryFile file("bad.model", contents);
    try {
        const SentencePiece tokenizer(file.path);
    } catch (const Error& error) {
        CHECK_THAT(error.what(), ContainsSubstring(file.path.string()));
        return error.code();
    }
    FAIL("the model was accepted");
    return ErrorCode::io;
}

std::string field(int number, const std::string& bytes) {
    std::string out{static_cast<char>(number << 3 | 2)};
    std::size_t size = bytes.size();
    for (; size > 127; size >>= 7) out += static_cast<char>(0x80U | (size & 0x7FU));
    return out + static_cast<char>(size) + bytes;
}

std::string repeated(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += "The quick brown fox " + std::to_string(i * i) +
                " jumps over the lazy dog.\n  And naïve café again!\n";
    }
    return text;
}

}  // namespace

TEST_CASE("a SentencePiece model gives the recorded ids and texts", "[sentencepiece]") {
    const SentencePiece tokenizer(model);
    CHECK(tokenizer.vocabulary_size() == 512);
    CHECK(tokenizer.unknown_id() == 0);
    CHECK(tokenizer.bos_id() == 1);
    CHECK(tokenizer.eos_id() == 2);
    CHECK(tokenizer.piece(13) == "<0x0A>");
    std::ifstream rows(data / "tok512_sentencepiece.jsonl");
    std::string line;
    int count = 0;
    for (; std::getline(rows, line); ++count) {
        const Json row = parse_json(line, "golden");
        const auto text = get<std::string>(row, "text", "golden");
        const auto ids = get<std::vector<TokenId>>(row, "ids", "golden");
        CAPTURE(text);
        CHECK(tokenizer.encode(text) == ids);
        CHECK(tokenizer.decode(ids) == get<std::string>(row, "decoded", "golden"));
    }
    CHECK(count == 27);
}

TEST_CASE("special tokens decode to nothing and ids outside are refused", "[sentencepiece]") {
    const SentencePiece tokenizer(model);
    std::vector<TokenId> ids = tokenizer.encode("Hello");
    ids.insert(ids.begin(), tokenizer.bos_id());
    ids.push_back(tokenizer.eos_id());
    CHECK(tokenizer.decode(ids) == "Hello");
    for (TokenId bad : {-1, 512, 2147483647}) {
        try {
            const std::string text = tokenizer.decode(std::vector<TokenId>{5, bad});
            FAIL("decoded " << bad);
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::value);
            CHECK_THAT(error.what(), ContainsSubstring("id " + std::to_string(bad) + " at position 1"));
        }
        CHECK_THROWS_AS(tokenizer.piece(bad), Error);
    }
}

TEST_CASE("malformed bytes are taken for U+FFFD", "[sentencepiece]") {
    const SentencePiece tokenizer(model);
    CHECK(tokenizer.decode(tokenizer.encode("a\xFF b\xC0")) == "a\xEF\xBF\xBD b\xEF\xBF\xBD");
}

TEST_CASE("what is no SentencePiece model is refused by name", "[sentencepiece]") {
    const std::string good = read_text(model);
    CHECK(refusal("") == ErrorCode::format);
    CHECK(refusal("\n\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01") == ErrorCode::format);
    CHECK(refusal(std::string(600, '\x93')) == ErrorCode::format);
    CHECK(refusal(good.substr(good.find("<unk>") + 12)) == ErrorCode::format);
    CHECK(refusal(field(1, field(1, "a")) + field(2, "") + field(3, "")) ==
          ErrorCode::format);  // no unknown piece
    CHECK_THROWS_AS(SentencePiece(data / "no_such.model"), Error);
}

TEST_CASE("a model cut off anywhere is refused", "[sentencepiece]") {
    const std::string good = read_text(model);
    for (std::size_t size = 0; size < good.size(); size += size < 60 || size + 60 > good.size() ? 1 : 397) {
        CAPTURE(size);
        CHECK(refusal(std::string_view(good).substr(0, size)) == ErrorCode::format);
    }
}

TEST_CASE("a normalisation table that leaves itself is refused", "[sentencepiece]") {
    const std::string good = read_text(model);
    const auto with_table = [&](std::uint32_t trie_bytes, std::uint32_t root, const std::string& strings) {
        std::string table(4 + 1024, '\0');
        std::memcpy(table.data(), &trie_bytes, 4);
        std::memcpy(table.data() + 4, &root, 4);
        return good + field(3, field(2, table + strings));
    };
    CHECK(detail::sentencepiece_fault(good).empty());
    CHECK(detail::sentencepiece_fault(with_table(1024, 0, std::string(1, '\0'))).empty());
    CHECK(refusal(with_table(1 << 30, 0, std::string(1, '\0'))) == ErrorCode::format);
    CHECK(refusal(with_table(1024, 0xFFFFU << 10, std::string(1, '\0'))) == ErrorCode::format);
    CHECK(refusal(with_table(1024, 0, "no end")) == ErrorCode::format);
    CHECK(refusal(with_table(1020, 0, std::string(1, '\0'))) == ErrorCode::format);
}

TEST_CASE("training a tokenizer gives the same bytes each time", "[sentencepiece]") {
    const TemporaryFile first("first.model");
    const TemporaryFile second("second.model");
    const std::vector<std::string> documents{repeated(50), repeated(20) + std::string(10000, 'x') + "日本語"};
    train_sentencepiece(documents, first.path, {.vocabulary_size = 400});
    train_sentencepiece(documents, second.path, {.vocabulary_size = 400});
    CHECK(read_text(first.path) == read_text(second.path));
    const SentencePiece tokenizer(first.path);
    CHECK(tokenizer.vocabulary_size() == 400);
    CHECK(tokenizer.unknown_id() == 0);
    CHECK(tokenizer.bos_id() == 1);
    CHECK(tokenizer.eos_id() == 2);
    for (const std::string text : {"The quick brown fox", "  two  spaces\n\ttab\r\n", "123 naïve 語🙂", " x "}) {
        CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
    }
    CHECK(tokenizer.encode("The quick").size() < 7);
    CHECK(tokenizer.encode("2024").size() >= 4);  // digits apart
}

TEST_CASE("training without enough text is an error that names the file", "[sentencepiece]") {
    const TemporaryFile file("none.model");
    using Documents = std::vector<std::string>;
    CHECK_THROWS_WITH(train_sentencepiece(Documents{}, file.path), ContainsSubstring(file.path.string()));
    CHECK_THROWS_AS(train_sentencepiece(Documents{"", "\n\n"}, file.path), Error);
    CHECK_THROWS_AS(train_sentencepiece(Documents{"abc"}, file.path, {.vocabulary_size = 5000}), Error);
    CHECK_THROWS_AS(train_sentencepiece(Documents{repeated(9)}, file.path, {.vocabulary_size = 100}), Error);
    const auto failing = [](std::string&) -> bool { throw std::runtime_error("disk on fire"); };
    CHECK_THROWS_WITH(train_sentencepiece(failing, file.path), ContainsSubstring("disk on fire"));
    CHECK_FALSE(fs::exists(file.path));
}
