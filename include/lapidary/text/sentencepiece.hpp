#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/text/added_tokens.hpp>
#include <lapidary/text/sentencepiece_check.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/unicode_tables.hpp>

#include <sentencepiece_processor.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lapidary {

/// A SentencePiece model (`tokenizer.model`), as LLaMA, AMBER and many others use it. Opt-in: needs
/// libsentencepiece (CMake target `lapidary::sentencepiece`).
///
/// Tokens that were added beyond the model are found in text first, and what lies between them is encoded as texts
/// of their own, as Hugging Face does: each begins with the space that the model puts in front, and loses it
/// again.
class SentencePiece {
public:
    /// Throws Error(io) if the file cannot be read, Error(format) naming it if it is no SentencePiece model, cut
    /// off, damaged, or defines no unknown piece. Of `added`, those within the model's own vocabulary are ignored;
    /// `normalized` means nothing here. Throws Error(format) if two have one id, or an id is far out.
    explicit SentencePiece(const std::filesystem::path& file, const std::vector<AddedToken>& added = {}) {
        std::error_code failure;
        const auto bytes = std::filesystem::file_size(file, failure);
        if (!failure && bytes > max_model_bytes) refuse(file, std::to_string(bytes) + " bytes are too many");
        const std::string model = read_text(file);
        if (const std::string fault = detail::sentencepiece_fault(model); !fault.empty()) refuse(file, fault);
        const auto status = processor_.LoadFromSerializedProto(model);
        if (!status.ok()) refuse(file, status.ToString());
        add(added, file);
    }

    /// The ids of `text`, without special tokens; the same for every call, safe to call from many threads.
    /// The text should be valid UTF-8: SentencePiece takes every malformed byte for U+FFFD, so decoding does not
    /// give that byte back. Check with `valid_utf8` where this matters. Throws Error(value) above 1 GiB of text.
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        if (text.size() > max_text_bytes) {
            throw Error(ErrorCode::value, "encode", std::to_string(text.size()) + " bytes of text, at most 1 GiB");
        }
        std::vector<TokenId> ids;
        if (finder_.empty()) {
            encode_model(text, ids);
            return ids;
        }
        std::string repaired;
        if (!valid_utf8(text)) {
            append_each_invalid(repaired, text);
            text = repaired;
        }
        std::vector<TokenId> part;
        finder_.split(
            text,
            [&](std::string_view outside, bool /*first*/) {
                encode_model(outside, part);
                ids.insert(ids.end(), part.begin(), part.end());
            },
            [&](const AddedToken& token) { ids.push_back(token.id); });
        return ids;
    }

    /// The text of `ids`; special tokens decode to nothing. Bytes that do not make a character become U+FFFD.
    /// Throws Error(value) naming the first id outside the vocabulary.
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const {
        for (std::size_t i = 0; i < ids.size(); ++i) check("decode", ids[i], i);
        std::string text;
        for (std::size_t i = 0; i < ids.size();) {
            std::size_t end = i;
            while (end < ids.size() && ids[end] < processor_.GetPieceSize()) ++end;
            if (end > i) {
                std::string part;
                const auto run = ids.subspan(i, end - i);
                const auto status = processor_.Decode(std::vector<TokenId>(run.begin(), run.end()), &part);
                if (!status.ok()) throw Error(ErrorCode::value, "decode", status.ToString());
                text += part;
            }
            for (; end < ids.size() && ids[end] >= processor_.GetPieceSize(); ++end) {
                if (const AddedToken& token = added(ids[end]); !token.special) text += token.content;
            }
            i = end;
        }
        return text;
    }

    /// The piece as the vocabulary spells it (`▁the`, `<0x0A>`). Throws Error(value) outside the vocabulary.
    [[nodiscard]] const std::string& piece(TokenId id) const {
        check("piece", id, 0);
        return id < processor_.GetPieceSize() ? processor_.IdToPiece(id) : added(id).content;
    }

    /// The model's pieces and, behind them, the added tokens.
    [[nodiscard]] Index vocabulary_size() const {
        return processor_.GetPieceSize() + static_cast<Index>(added_.size());
    }
    [[nodiscard]] TokenId unknown_id() const { return processor_.unk_id(); }
    [[nodiscard]] TokenId bos_id() const { return processor_.bos_id(); }
    [[nodiscard]] TokenId eos_id() const { return processor_.eos_id(); }

private:
    static constexpr std::uintmax_t max_model_bytes = std::uintmax_t{256} << 20;
    static constexpr std::size_t max_text_bytes = std::size_t{1} << 30;

    [[noreturn]] static void refuse(const std::filesystem::path& file, const std::string& reason) {
        throw Error(ErrorCode::format, "sentencepiece", file.string() + ": " + reason);
    }
    void add(const std::vector<AddedToken>& tokens, const std::filesystem::path& file) {
        std::vector<AddedToken> found;
        std::vector<std::string> patterns;
        const auto first = processor_.GetPieceSize();
        for (const AddedToken& token : tokens) {
            if (token.id < first || token.content.empty()) continue;
            const auto place = static_cast<std::size_t>(token.id - first);
            if (place >= 2 * tokens.size() + 1000) {
                refuse(file, "the added token " + quote(token.content) + " has the id " +
                                 std::to_string(token.id) + ", far beyond the " + std::to_string(first) +
                                 " pieces");
            }
            if (place >= added_.size()) added_.resize(place + 1, AddedToken{.content = {}, .special = true});
            if (added_[place].id >= 0) refuse(file, "two added tokens have the id " + std::to_string(token.id));
            added_[place] = token;
            found.push_back(token);
            patterns.push_back(token.content);
        }
        finder_ = {found, patterns, &is_word_character, file.string()};
    }
    [[nodiscard]] const AddedToken& added(TokenId id) const {
        return added_[static_cast<std::size_t>(id - processor_.GetPieceSize())];
    }
    /// What a single word must not stand beside; letters beyond ASCII are not told from signs.
    static bool is_word_character(char32_t c) {
        if (c < 0x80)
            return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        return !detail::is_space(c) && !detail::is_punctuation(c);
    }
    /// Malformed bytes as SentencePiece reads them: each is U+FFFD.
    static void append_each_invalid(std::string& out, std::string_view text) {
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t length = utf8_character(text.substr(i));
            out.append(length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(i, length));
            i += length == 0 ? 1 : length;
        }
    }

    void encode_model(std::string_view text, std::vector<TokenId>& ids) const {
        const auto status = processor_.Encode(text, &ids);
        if (!status.ok()) throw Error(ErrorCode::value, "encode", status.ToString());
    }
    void check(std::string_view operation, TokenId id, std::size_t position) const {
        if (id < 0 || id >= vocabulary_size()) {
            throw Error(ErrorCode::value, operation,
                        "id " + std::to_string(id) + " at position " + std::to_string(position) +
                            " is outside the vocabulary of " + std::to_string(vocabulary_size()));
        }
    }

    sentencepiece::SentencePieceProcessor processor_;
    std::vector<AddedToken> added_;  // by id, from the first behind the model's; gaps are special and empty
    detail::AddedTokenFinder finder_;
};

static_assert(Tokenizer<SentencePiece>);

}  // namespace lapidary
