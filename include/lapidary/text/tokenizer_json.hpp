#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/text/added_tokens_file.hpp>
#include <lapidary/text/byte_pair_model.hpp>
#include <lapidary/text/pre_tokenizer.hpp>
#include <lapidary/text/text_normalizer.hpp>
#include <lapidary/text/token_decoder.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/word_character.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// A tokenizer as Hugging Face's `tokenizers` writes it (`tokenizer.json`): byte-pair encoding as GPT-2, GPT-NeoX,
/// Falcon, MPT, LLaMA, CrystalCoder and many others use it. Gives the ids that version 0.23 of that library gives
/// without special tokens: its post-processor is not applied. Opt-in: needs PCRE2 and utf8proc (CMake target
/// `lapidary::tokenizers`).
class JsonTokenizer {
public:
    /// Special ids come from the `tokenizer_config.json` beside the file, or where there is none, from the usual
    /// names. Throws Error(io) if a file cannot be read, Error(format) naming file and key if it is damaged, and
    /// Error(unsupported) if it asks for something that is not known here.
    explicit JsonTokenizer(const std::filesystem::path& file) : JsonTokenizer(read_json(file), file) {}

    /// The ids of `text`, without special tokens but for those that the text spells; the same for every call, safe
    /// to call from many threads. Ill-formed UTF-8 is read as U+FFFD, one for each maximal subpart.
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        std::string repaired;
        if (!valid_utf8(text)) {
            append_valid_utf8(repaired, text);
            text = repaired;
        }
        std::vector<TokenId> ids;
        ids.reserve(text.size() / 4);
        const auto token = [&](const AddedToken& added) { ids.push_back(added.id); };
        std::string storage;
        as_written_.split(
            text,
            [&](std::string_view outside, bool at_start) {
                normalized_.split(
                    normalizer_.apply(outside, storage),
                    [&](std::string_view rest, bool first) {
                        pre_tokenizer_.split(rest, at_start && first,
                                             [&](std::string_view piece) { model_.encode(piece, ids); });
                    },
                    token);
            },
            token);
        return ids;
    }

    /// Text that grows id by id; all of it together is what `decode` gives.
    class Stream {
    public:
        /// The tokenizer must outlive it.
        explicit Stream(const JsonTokenizer& tokenizer) : tokenizer_(&tokenizer) {}

        /// The text that is settled by one more id. Throws Error(value) if it is outside the vocabulary.
        std::string add(TokenId id) {
            std::string text;
            append(id, text, 0);
            return text;
        }
        /// The rest: U+FFFD for bytes that did not become a character.
        std::string finish() {
            std::string text;
            tokenizer_->decoder_.finish(state_, text);
            return text;
        }

    private:
        friend class JsonTokenizer;
        void append(TokenId id, std::string& text, std::size_t position) {
            if (id < 0 || id >= tokenizer_->vocabulary_size()) {
                throw Error(ErrorCode::value, "decode",
                            "id " + std::to_string(id) + " at position " + std::to_string(position) +
                                " is outside the vocabulary of " + std::to_string(tokenizer_->vocabulary_size()));
            }
            const Entry& entry = tokenizer_->entries_[static_cast<std::size_t>(id)];
            if (entry.shown) tokenizer_->decoder_.add(state_, entry.piece, text);
        }

        const JsonTokenizer* tokenizer_;
        detail::TokenDecoder::State state_;
    };

    /// The text of `ids`; special tokens, and ids that stand for none, decode to nothing. Bytes that do not make a
    /// character become U+FFFD. Throws Error(value) naming the first id outside the vocabulary.
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const {
        std::string text;
        Stream stream(*this);
        for (std::size_t i = 0; i < ids.size(); ++i) stream.append(ids[i], text, i);
        return text += stream.finish();
    }

    [[nodiscard]] Index vocabulary_size() const { return static_cast<Index>(entries_.size()); }
    [[nodiscard]] TokenId unknown_id() const { return unknown_; }
    [[nodiscard]] TokenId bos_id() const { return bos_; }
    [[nodiscard]] TokenId eos_id() const { return eos_; }

private:
    struct Entry {
        detail::TokenDecoder::Piece piece;
        bool used = false;
        bool shown = false;
    };

    JsonTokenizer(const Json& json, const std::filesystem::path& file) {
        const detail::FilePart root{json, file.string(), true};
        if (root.has("normalizer")) normalizer_ = detail::TextNormalizer(root["normalizer"]);
        if (root.has("pre_tokenizer")) pre_tokenizer_ = detail::PreTokenizer(root["pre_tokenizer"]);
        if (root.has("decoder")) decoder_ = detail::TokenDecoder(root["decoder"]);
        model_ = detail::BytePairModel(root["model"], pre_tokenizer_.byte_level());
        read_tokens(root);
        read_special_ids(file.parent_path() / "tokenizer_config.json");
    }

    void read_tokens(const detail::FilePart& root) {
        std::vector<AddedToken> added;
        if (root.has("added_tokens")) {
            root["added_tokens"].for_each([&](const detail::FilePart& part) {
                AddedToken token = detail::read_added_token(part, part.get<TokenId>("id"));
                const auto known = model_.vocabulary().find(token.content);
                if (known != model_.vocabulary().end()) token.id = known->second;
                added.push_back(std::move(token));
            });
        }
        // A vocabulary may have gaps, but its size is no number that a file may choose.
        const std::size_t limit = 2 * (model_.vocabulary().size() + added.size()) + 1000;
        const auto entry = [&](TokenId id, const std::string& token) -> Entry& {
            if (id < 0 || static_cast<std::size_t>(id) >= limit) {
                root.refuse("the id " + std::to_string(id) + " of " + quote(token) +
                            " is far beyond the number of tokens");
            }
            if (static_cast<std::size_t>(id) >= entries_.size()) entries_.resize(static_cast<std::size_t>(id) + 1);
            return entries_[static_cast<std::size_t>(id)];
        };
        for (const auto& [token, id] : model_.vocabulary()) {
            Entry& place = entry(id, token);
            if (place.used) root.refuse("two tokens have the id " + std::to_string(id) + ": " + quote(token));
            place = {decoder_.piece(token), true, true};
        }
        std::vector<AddedToken> as_written, normalized;
        std::vector<std::string> written_patterns, normalized_patterns;
        for (const AddedToken& token : added) {
            std::string storage;
            std::string pattern(token.normalized ? normalizer_.apply(token.content, storage) : token.content);
            Entry& place = entry(token.id, token.content);
            if (place.used && !model_.vocabulary().contains(token.content)) {
                root.refuse("two tokens have the id " + std::to_string(token.id) + ": " + quote(token.content));
            }
            place = {decoder_.piece(pattern), true, !token.special};
            (token.normalized ? normalized : as_written).push_back(token);
            (token.normalized ? normalized_patterns : written_patterns).push_back(std::move(pattern));
            names_.emplace(token.content, token.id);
        }
        as_written_ = {as_written, written_patterns, &detail::is_word_character, root.where};
        normalized_ = {normalized, normalized_patterns, &detail::is_word_character, root.where};
    }

    void read_special_ids(const std::filesystem::path& config_file) {
        unknown_ = model_.unknown_id();
        if (std::filesystem::exists(config_file)) {
            const Json config = read_json(config_file);
            const detail::FilePart root{config, config_file.string(), true};
            bos_ = id_of(detail::read_token_name(root, "bos_token"));
            eos_ = id_of(detail::read_token_name(root, "eos_token"));
            if (unknown_ < 0) unknown_ = id_of(detail::read_token_name(root, "unk_token"));
            return;
        }
        bos_ = id_of("<s>");
        eos_ = id_of("</s>");
        if (bos_ < 0 && eos_ < 0) bos_ = eos_ = id_of("<|endoftext|>");
    }
    [[nodiscard]] TokenId id_of(const std::string& token) const {
        if (const auto found = names_.find(token); found != names_.end()) return found->second;
        const auto found = model_.vocabulary().find(token);
        return found != model_.vocabulary().end() ? found->second : -1;
    }

    detail::TextNormalizer normalizer_;
    detail::PreTokenizer pre_tokenizer_;
    detail::BytePairModel model_;
    detail::TokenDecoder decoder_;
    detail::AddedTokenFinder as_written_, normalized_;
    std::unordered_map<std::string, TokenId> names_;  // of the added tokens
    std::vector<Entry> entries_;                      // by id
    TokenId unknown_ = -1, bos_ = -1, eos_ = -1;
};

static_assert(Tokenizer<JsonTokenizer>);

}  // namespace lapidary
