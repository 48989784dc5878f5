#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/text/utf8.hpp>

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <ranges>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace lapidary {

struct SentencePieceTraining {
    Index vocabulary_size = 512;
    double character_coverage = 0.99995;             ///< rarer characters are left to the byte pieces
    std::size_t byte_limit = std::size_t{64} << 20;  ///< stop reading after this many bytes of text
};

namespace detail {

/// Hands documents to the trainer line by line: it learns from pieces of text without newlines and skips long
/// ones, so long lines are cut between characters.
class TrainingLines final : public sentencepiece::SentenceIterator {
public:
    static constexpr std::size_t max_line = 4096;

    TrainingLines(std::function<bool(std::string&)> next_document, std::size_t byte_limit)
        : next_document_(std::move(next_document)), left_(byte_limit) {
        Next();
    }

    [[nodiscard]] bool done() const override { return done_; }
    [[nodiscard]] const std::string& value() const override { return line_; }
    [[nodiscard]] sentencepiece::util::Status status() const override { return {}; }
    [[nodiscard]] std::exception_ptr failure() const { return failure_; }

    void Next() override {
        line_.clear();
        while (!done_ && line_.empty()) {
            if (position_ >= document_.size() && !load()) return;
            std::string_view rest = std::string_view(document_).substr(position_);
            rest = rest.substr(0, rest.find('\n'));
            if (rest.size() < max_line) {
                position_ += rest.size() + 1;
            } else {
                std::size_t cut = max_line;
                while (cut < rest.size() && cut > max_line - 4 &&
                       (static_cast<unsigned char>(rest[cut]) & 0xC0U) == 0x80U) {
                    --cut;
                }
                rest = rest.substr(0, cut);
                position_ += cut;
            }
            if (!valid_utf8(rest)) continue;
            line_ = rest;
        }
    }

private:
    bool load() {
        position_ = 0;
        document_.clear();
        try {
            done_ = left_ == 0 || !next_document_(document_);
        } catch (...) {  // libsentencepiece is not written for exceptions passing through it
            failure_ = std::current_exception();
            done_ = true;
        }
        left_ -= std::min(left_, document_.size());
        return !done_;
    }

    std::function<bool(std::string&)> next_document_;
    std::size_t left_;
    std::string document_;
    std::size_t position_ = 0;
    std::string line_;
    std::exception_ptr failure_;
    bool done_ = false;
};

}  // namespace detail

/// Trains a byte-pair model with the settings of LLaMA's tokenizer and writes it durably to `file`: byte
/// fallback, digits apart, no normalisation, a space put in front, all spaces kept; unknown 0, BOS 1, EOS 2, no
/// padding. `next_document(text)` fills in the next document, or returns false after the last.
///
/// One thread, so the same documents give the same bytes. Keeps at most `byte_limit` bytes of text in memory.
/// Opt-in: needs libsentencepiece and libsentencepiece_train. Throws Error(value) naming the file if there is no
/// text, or too little for a vocabulary of that size; passes on what `next_document` throws.
template <class Next>
    requires std::predicate<Next&, std::string&>
void train_sentencepiece(Next&& next_document, const std::filesystem::path& file,
                         const SentencePieceTraining& options = {}) {
    const std::unordered_map<std::string, std::string> settings{
        {"model_type", "bpe"},
        {"vocab_size", std::to_string(options.vocabulary_size)},
        {"character_coverage", std::to_string(options.character_coverage)},
        {"byte_fallback", "true"},
        {"split_digits", "true"},
        {"normalization_rule_name", "identity"},
        {"add_dummy_prefix", "true"},
        {"remove_extra_whitespaces", "false"},
        {"allow_whitespace_only_pieces", "true"},
        {"unk_id", "0"},
        {"bos_id", "1"},
        {"eos_id", "2"},
        {"pad_id", "-1"},
        {"num_threads", "1"},
        {"max_sentence_length", std::to_string(detail::TrainingLines::max_line)},
        {"minloglevel", "3"},
    };
    const auto refuse = [&](const std::string& reason) {
        throw Error(ErrorCode::value, "train_sentencepiece", file.string() + ": " + reason);
    };
    detail::TrainingLines lines(std::ref(next_document), options.byte_limit);
    if (lines.failure()) std::rethrow_exception(lines.failure());
    if (lines.done()) refuse("there is no text to train on");
    // Ids 0 to 2 and 256 bytes come before the first learnt piece.
    if (options.vocabulary_size < 260) refuse("a vocabulary with byte pieces has at least 260 entries");
    std::string model;
    const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &lines, &model);
    if (lines.failure()) std::rethrow_exception(lines.failure());
    if (!status.ok()) refuse(status.ToString());
    write_file_durably(file, model);
}

/// The same over a range of texts.
template <std::ranges::input_range Documents>
    requires std::convertible_to<std::ranges::range_reference_t<Documents>, std::string_view>
void train_sentencepiece(Documents&& documents, const std::filesystem::path& file,
                         const SentencePieceTraining& options = {}) {
    auto position = std::ranges::begin(documents);
    const auto end = std::ranges::end(documents);
    train_sentencepiece(
        [&](std::string& text) {
            if (position == end) return false;
            text = std::string_view(*position);
            ++position;
            return true;
        },
        file, options);
}

}  // namespace lapidary
