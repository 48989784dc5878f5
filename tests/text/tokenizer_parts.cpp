// The parts of a tokenizer.json one by one, as Hugging Face's library has them: tests/golden/make_tokenizers.py.

#include "catch.hpp"

#include <lapidary/io/json.hpp>
#include <lapidary/text/pre_tokenizer.hpp>
#include <lapidary/text/text_normalizer.hpp>
#include <lapidary/text/token_decoder.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace lapidary;

namespace {

const auto parts = std::filesystem::path(LAPIDARY_TEST_DATA) / "text" / "data" / "tokenizers" / "parts.json";

// Calls `check(part, input, output)` for every row.
template <class Check>
void for_each_row(const std::string& kind, Check&& check) {
    const Json all = read_json(parts);
    int rows = 0;
    for (const Json& entry : all.at(kind)) {
        const std::string text = entry.at(0).dump();
        CAPTURE(text);
        for (const Json& row : entry.at(1)) {
            check(detail::FilePart{entry.at(0), "parts"}, row.at(0), row.at(1));
            ++rows;
        }
    }
    CHECK(rows > 50);
}

}  // namespace

TEST_CASE("pre-tokenizers cut text into the recorded pieces", "[tokenizer]") {
    for_each_row("pre_tokenizers", [](const detail::FilePart& part, const Json& input, const Json& output) {
        const detail::PreTokenizer pre_tokenizer(part);
        const auto text = input.get<std::string>();
        CAPTURE(text);
        std::vector<std::string> pieces;
        pre_tokenizer.split(text, true, [&](std::string_view piece) {
            pieces.push_back(pre_tokenizer.byte_level() ? detail::spell_bytes(piece) : std::string(piece));
        });
        if (text.empty()) pieces.clear();  // the library is never asked for the pieces of nothing
        const auto expected = output.get<std::vector<std::string>>();
        CHECK(pieces == (text.empty() ? std::vector<std::string>{} : expected));
    });
}

TEST_CASE("normalizers write the recorded texts", "[tokenizer]") {
    for_each_row("normalizers", [](const detail::FilePart& part, const Json& input, const Json& output) {
        std::string storage;
        CAPTURE(input.get<std::string>());
        CHECK(detail::TextNormalizer(part).apply(input.get<std::string>(), storage) == output.get<std::string>());
    });
}

TEST_CASE("decoders join the recorded texts", "[tokenizer]") {
    for_each_row("decoders", [](const detail::FilePart& part, const Json& input, const Json& output) {
        const detail::TokenDecoder decoder =
            part.value.is_null() ? detail::TokenDecoder() : detail::TokenDecoder(part);
        detail::TokenDecoder::State state;
        std::string text;
        for (const Json& token : input) decoder.add(state, decoder.piece(token.get<std::string>()), text);
        decoder.finish(state, text);
        CAPTURE(input.dump());
        CHECK(text == output.get<std::string>());
    });
}

TEST_CASE("bytes are spelled as GPT-2 spells them", "[tokenizer]") {
    CHECK(detail::spell_bytes(" a\n\x7F\xAD~") == "ĠaĊġŃ~");
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    CHECK(detail::read_spelled_bytes(detail::spell_bytes(all)) == all);
    CHECK_FALSE(detail::read_spelled_bytes(" ").has_value());
    CHECK_FALSE(detail::read_spelled_bytes("日").has_value());
}
