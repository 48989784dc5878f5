#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/document.hpp>
#include <lapidary/data/document_parser.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/text_blocks.hpp>
#include <lapidary/io/json_parse.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// What a block of text became.
struct TokenizedBlock {
    std::vector<TokenizedDocument> documents;
    DiscardCounts discards;
    bool ends_file = false;
    InputPosition after;
    std::int32_t source = 0;
};

/// The digest of a text.
inline TextDigest text_digest(std::string_view text) {
    const std::string hex = sha256_hex(std::as_bytes(std::span(text)));
    TextDigest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
        std::from_chars(hex.data() + 16 * i, hex.data() + 16 * (i + 1), digest[i], 16);
    }
    return digest;
}

/// Blocks of text to blocks of tokens: a function of the block alone, safe to call from many threads.
///
/// A document's ids are those of its text, with the ids of beginning and end that the recipe wants. A line of a
/// released chunk file is a window as it is.
template <Tokenizer T>
class BlockTokenizer {
public:
    /// The tokenizer must outlive the object. Throws Error(value) if it lacks an id that the recipe wants.
    BlockTokenizer(const T& tokenizer, const Recipe& recipe, std::vector<InputFile> files, Index vocabulary)
        : tokenizer_(&tokenizer), recipe_(recipe), parser_(recipe, std::move(files)), vocabulary_(vocabulary) {
        const auto require = [](bool wanted, TokenId id, const char* what) {
            if (wanted && id < 0) {
                throw Error(ErrorCode::value, "tokenize", std::string("the vocabulary has no ") + what + " id");
            }
        };
        require(recipe.bos, tokenizer.bos_id(), "beginning-of-sequence");
        require(recipe.eos, tokenizer.eos_id(), "end-of-sequence");
    }

    TokenizedBlock operator()(const TextBlock& block) const {
        TokenizedBlock result;
        result.ends_file = block.ends_file;
        result.after = block.after;
        result.source = parser_.file(block.file).source;
        if (parser_.file(block.file).format == SourceFormat::token_ids) {
            parser_.for_each(block, result.discards, [&](const DocumentPlace& place, std::string_view line) {
                TokenizedDocument document{.place = place, .source = result.source};
                if (take_ids(document, line, result.discards)) result.documents.push_back(std::move(document));
            });
            return result;
        }
        for (Document& document : parser_.documents(block, result.discards)) {
            result.documents.push_back(tokenize(document));
        }
        return result;
    }

    [[nodiscard]] TokenizedDocument tokenize(Document& document) const {
        TokenizedDocument result{.place = document.place, .source = document.source};
        if (recipe_.deduplicate) result.digest = text_digest(document.text);
        result.label = std::move(document.label);
        result.tokens = tokenizer_->encode(document.text);
        if (recipe_.bos) result.tokens.insert(result.tokens.begin(), tokenizer_->bos_id());
        if (recipe_.eos) result.tokens.push_back(tokenizer_->eos_id());
        return result;
    }

private:
    // A window of ids and the name of its source; false if it was left out.
    bool take_ids(TokenizedDocument& document, std::string_view line, DiscardCounts& discards) const {
        if (!parser_.check_text(document.place, line, discards)) return false;
        try {
            const std::string where = "the line";
            const Json row = parse_json(line, where);
            document.tokens = get<std::vector<TokenId>>(row, "token_ids", where);
            document.label = get_or<std::string>(row, "source", {}, where);
        } catch (const Error& error) {
            return parser_.refuse(document.place, Discard::malformed, error.what(), discards);
        }
        const auto length = static_cast<Index>(document.tokens.size());
        if (length != recipe_.window()) {
            return parser_.refuse(
                document.place, Discard::malformed,
                std::to_string(length) + " token ids, expected " + std::to_string(recipe_.window()), discards);
        }
        for (const TokenId id : document.tokens) {
            if (id >= 0 && id < vocabulary_) continue;
            return parser_.refuse(
                document.place, Discard::malformed,
                "token " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary_),
                discards);
        }
        if (recipe_.deduplicate) {
            const auto bytes = std::as_bytes(std::span(document.tokens));
            document.digest = text_digest({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        }
        return true;
    }

    const T* tokenizer_;
    Recipe recipe_;
    DocumentParser parser_;
    Index vocabulary_;
};

}  // namespace lapidary
