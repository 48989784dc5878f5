#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/text/sentencepiece_check.hpp>
#include <lapidary/text/tokenizer.hpp>

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
class SentencePiece {
public:
    /// Throws Error(io) if the file cannot be read, Error(format) naming it if it is no SentencePiece model, cut
    /// off, damaged, or defines no unknown piece.
    explicit SentencePiece(const std::filesystem::path& file) {
        std::error_code failure;
        const auto bytes = std::filesystem::file_size(file, failure);
        if (!failure && bytes > max_model_bytes) refuse(file, std::to_string(bytes) + " bytes are too many");
        const std::string model = read_text(file);
        if (const std::string fault = detail::sentencepiece_fault(model); !fault.empty()) refuse(file, fault);
        const auto status = processor_.LoadFromSerializedProto(model);
        if (!status.ok()) refuse(file, status.ToString());
    }

    /// The ids of `text`, without special tokens; the same for every call, safe to call from many threads.
    /// The text should be valid UTF-8: SentencePiece takes every malformed byte for U+FFFD, so decoding does not
    /// give that byte back. Check with `valid_utf8` where this matters. Throws Error(value) above 1 GiB of text.
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        if (text.size() > max_text_bytes) {
            throw Error(ErrorCode::value, "encode", std::to_string(text.size()) + " bytes of text, at most 1 GiB");
        }
        std::vector<TokenId> ids;
        const auto status = processor_.Encode(text, &ids);
        if (!status.ok()) throw Error(ErrorCode::value, "encode", status.ToString());
        return ids;
    }

    /// The text of `ids`; special tokens decode to nothing. Bytes that do not make a character become U+FFFD.
    /// Throws Error(value) naming the first id outside the vocabulary.
    [[nodiscard]] std::string decode(std::span<const TokenId> ids) const {
        for (std::size_t i = 0; i < ids.size(); ++i) check("decode", ids[i], i);
        std::string text;
        const auto status = processor_.Decode(std::vector<TokenId>(ids.begin(), ids.end()), &text);
        if (!status.ok()) throw Error(ErrorCode::value, "decode", status.ToString());
        return text;
    }

    /// The piece as the vocabulary spells it (`▁the`, `<0x0A>`). Throws Error(value) outside the vocabulary.
    [[nodiscard]] const std::string& piece(TokenId id) const {
        check("piece", id, 0);
        return processor_.IdToPiece(id);
    }

    [[nodiscard]] Index vocabulary_size() const { return processor_.GetPieceSize(); }
    [[nodiscard]] TokenId unknown_id() const { return processor_.unk_id(); }
    [[nodiscard]] TokenId bos_id() const { return processor_.bos_id(); }
    [[nodiscard]] TokenId eos_id() const { return processor_.eos_id(); }

private:
    static constexpr std::uintmax_t max_model_bytes = std::uintmax_t{256} << 20;
    static constexpr std::size_t max_text_bytes = std::size_t{1} << 30;

    [[noreturn]] static void refuse(const std::filesystem::path& file, const std::string& reason) {
        throw Error(ErrorCode::format, "sentencepiece", file.string() + ": " + reason);
    }
    void check(std::string_view operation, TokenId id, std::size_t position) const {
        if (id < 0 || id >= vocabulary_size()) {
            throw Error(ErrorCode::value, operation,
                        "id " + std::to_string(id) + " at position " + std::to_string(position) +
                            " is outside the vocabulary of " + std::to_string(vocabulary_size()));
        }
    }

    sentencepiece::SentencePieceProcessor processor_;
};

static_assert(Tokenizer<SentencePiece>);

}  // namespace lapidary
