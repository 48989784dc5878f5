#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/fingerprints.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/text_stream.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// A text to be found among tokens: the ids of its middle, which are the same wherever it stands.
///
/// The middle goes from the first token that begins a word (a single space and what follows it) behind the text's
/// first word to the last such token, which may go on beyond the text. Tokenizers that do not join words, and
/// these are nearly all, write it in the same ids everywhere. Of a long text with few spaces the middle is what is
/// left without three ids at each end; that is likely but not certain to be written so everywhere.
class TextQuery {
public:
    /// Throws Error(value) for a text that is empty, not UTF-8 or not to be written with this vocabulary.
    template <Tokenizer T>
    TextQuery(const T& tokenizer, std::string_view text) {
        const auto refuse = [&](const char* why) {
            throw Error(ErrorCode::value, "find", "the text " + quote(text) + " " + why);
        };
        if (text.empty()) refuse("is empty");
        if (!valid_utf8(text)) refuse("is not UTF-8");
        ids_ = tokenizer.encode(text);
        TextStream<T> stream(tokenizer);
        std::vector<std::size_t> ends;  // of the text, behind each id
        for (const TokenId id : ids_) {
            if (id == tokenizer.unknown_id()) refuse("has characters that the tokenizer does not know");
            text_ += stream.add(id);
            ends.push_back(text_.size());
        }
        text_ += stream.finish();
        if (text_.empty()) refuse("is nothing in this tokenizer's tokens");
        first_ = last_ = ids_.size();
        for (std::size_t i = 1; i < ids_.size(); ++i) {
            if (!begins_word(ends[i - 1])) continue;
            if (first_ == ids_.size()) first_ = i;
            last_ = i;
        }
        if (last_ - first_ < indexed_ids && ids_.size() >= indexed_ids + 2 * margin) {
            first_ = margin;
            last_ = ids_.size() - margin;
        }
    }

    /// The text as the tokenizer gives it back, which is how tokens spell it: a tokenizer may normalize.
    [[nodiscard]] const std::string& text() const { return text_; }
    /// The ids of all of it, as if it stood alone.
    [[nodiscard]] std::span<const TokenId> ids() const { return ids_; }
    /// The ids of its middle; empty where it has none.
    [[nodiscard]] std::span<const TokenId> middle() const {
        return std::span(ids_).subspan(first_, last_ - first_);
    }

private:
    static constexpr std::size_t margin = 3;

    [[nodiscard]] static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
    [[nodiscard]] bool begins_word(std::size_t at) const {
        return at > 0 && at + 1 < text_.size() && text_[at] == ' ' && !is_space(text_[at - 1]) &&
               !is_space(text_[at + 1]);
    }

    std::string text_;
    std::vector<TokenId> ids_;
    std::size_t first_ = 0;  // the middle is [first_, last_) of ids_
    std::size_t last_ = 0;
};

}  // namespace lapidary
