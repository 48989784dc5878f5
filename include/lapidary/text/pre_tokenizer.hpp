#pragma once

#include <lapidary/text/byte_level.hpp>
#include <lapidary/text/split.hpp>
#include <lapidary/text/tokenizer_file.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary::detail {

/// The "pre_tokenizer" of a `tokenizer.json`: cuts text into pieces, which the model then encodes one by one.
/// Knows ByteLevel, Split, Digits, Punctuation, Metaspace and sequences of them.
class PreTokenizer {
public:
    PreTokenizer() = default;
    /// Throws Error(format) and Error(unsupported) naming file and key.
    explicit PreTokenizer(const FilePart& part) {
        for_each_part(part, "pretokenizers", [&](const FilePart& inner) { add(inner); });
    }

    /// Whether pieces are bytes that the vocabulary spells as characters.
    [[nodiscard]] bool byte_level() const { return byte_level_; }

    /// Calls `piece(text)` for every piece of well-formed `text`; `first`: nothing of the whole text stands before
    /// it.
    template <class Piece>
    void split(std::string_view text, bool first, Piece&& piece) const {
        run(0, text, first, piece);
    }

private:
    struct Stage {
        std::optional<Splitter> splitter;  // none: the text stays whole
        std::string prefix;                // put in front of a piece that does not begin with it
        bool first_only = false;           // of the first piece
        bool replace_spaces = false;       // by the prefix's character, before that
        std::string replacement;
        bool spelled = false;  // splits not the bytes but their spelling
    };

    void add(const FilePart& part) {
        const std::string type = part.type();
        if (stages_.size() == max_stages) part["type"].not_supported("more than 32 steps");
        Stage stage;
        stage.spelled = byte_level_;
        if (type == "ByteLevel") {
            if (byte_level_) part["type"].not_supported("ByteLevel, twice");
            if (part.get_or<bool>("add_prefix_space", true)) stage.prefix = " ";
            if (part.get_or<bool>("use_regex", true)) {
                stage.splitter.emplace(Splitter{SplitPattern(Regex(std::string(gpt2_pattern), part.where))});
            }
            byte_level_ = true;
        } else if (type == "Split") {
            bool is_regex = false;
            const std::string pattern = read_pattern(part, is_regex);
            stage.splitter.emplace(
                Splitter{is_regex ? SplitPattern(Regex(pattern, part.where)) : SplitPattern(pattern),
                         read_behavior(part, ""), part.get_or<bool>("invert", false)});
        } else if (type == "Digits") {
            const bool each = part.get_or<bool>("individual_digits", false);
            stage.splitter.emplace(
                Splitter{SplitPattern(&is_number), each ? SplitBehavior::isolated : SplitBehavior::contiguous});
        } else if (type == "Punctuation") {
            stage.splitter.emplace(Splitter{SplitPattern(&is_punctuation), read_behavior(part, "Isolated")});
        } else if (type == "Metaspace" && !byte_level_) {
            read_metaspace(part, stage);
        } else {
            part["type"].not_supported(type);
        }
        stages_.push_back(std::move(stage));
    }

    static void read_metaspace(const FilePart& part, Stage& stage) {
        stage.replacement = read_character(part, "replacement");
        stage.replace_spaces = true;
        auto scheme = part.get_or<std::string>("prepend_scheme", "always");
        if (!part.get_or<bool>("add_prefix_space", true)) scheme = "never";
        if (scheme != "always" && scheme != "first" && scheme != "never")
            part["prepend_scheme"].not_supported(scheme);
        if (scheme != "never") stage.prefix = stage.replacement;
        stage.first_only = scheme == "first";
        if (part.get_or<bool>("split", true)) {
            stage.splitter.emplace(Splitter{SplitPattern(stage.replacement), SplitBehavior::merged_with_next});
        }
    }

    template <class Piece>
    void run(std::size_t index, std::string_view text, bool first, Piece& piece) const {
        if (index == stages_.size()) return piece(text);
        const Stage& stage = stages_[index];
        std::string changed;
        if (stage.replace_spaces && text.find(' ') != std::string_view::npos) {
            for (char c : text) c == ' ' ? changed.append(stage.replacement) : changed.append(1, c);
            text = changed;
        }
        if (!stage.prefix.empty() && !text.starts_with(stage.prefix) && (first || !stage.first_only)) {
            changed = stage.prefix + std::string(text);
            text = changed;
        }
        if (!stage.splitter) return run(index + 1, text, first, piece);
        if (stage.spelled) return run_spelled(index, text, first, piece);
        stage.splitter->split(text, [&](std::size_t begin, std::size_t end) {
            run(index + 1, text.substr(begin, end - begin), first && begin == 0, piece);
        });
    }

    /// Splits the spelling of bytes, and them where it was split: as many characters as there are bytes.
    template <class Piece>
    void run_spelled(std::size_t index, std::string_view bytes, bool first, Piece& piece) const {
        const std::string spelled = spell_bytes(bytes);
        std::size_t done = 0;  // in the spelling
        std::size_t byte = 0;  // and in the bytes
        const auto advance = [&](std::size_t end) {
            for (; done < end; done += utf8_length(spelled[done])) ++byte;
            return byte;
        };
        stages_[index].splitter->split(spelled, [&](std::size_t begin, std::size_t end) {
            const std::size_t from = advance(begin);
            run(index + 1, bytes.substr(from, advance(end) - from), first && from == 0, piece);
        });
    }

    static constexpr std::size_t max_stages = 32;
    static constexpr std::string_view gpt2_pattern =
        R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

    std::vector<Stage> stages_;
    bool byte_level_ = false;
};

}  // namespace lapidary::detail
