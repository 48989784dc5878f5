#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/text/pair_table.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// A token that is found in text before the tokenizer's own rules apply, as Hugging Face's files list them.
struct AddedToken {
    TokenId id = -1;
    std::string content;
    bool special = false;      ///< decodes to nothing
    bool single_word = false;  ///< only where no letter or digit stands beside it
    bool lstrip = false;       ///< takes the white space before it
    bool rstrip = false;       ///< takes the white space behind it
    bool normalized = true;    ///< looked for in the normalized text, and after those that are not
};

namespace detail {

inline bool is_space(char32_t c) {
    return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/// The last character of well-formed text that is not empty.
inline std::string_view last_character(std::string_view text) {
    std::size_t start = text.size() - 1;
    while ((static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
    return text.substr(start);
}

/// Finds a set of tokens in text: the leftmost, of those that start there the longest.
class AddedTokenFinder {
public:
    AddedTokenFinder() = default;
    /// Looks for `patterns[i]` as `tokens[i]`; `is_word` tells what a single word must not stand beside. Throws
    /// Error(format) naming `where` if one is empty or unduly long.
    AddedTokenFinder(const std::vector<AddedToken>& tokens, const std::vector<std::string>& patterns,
                     bool (*is_word)(char32_t), const std::string& where)
        : tokens_(tokens), is_word_(is_word) {
        std::size_t bytes = 0;
        for (const std::string& pattern : patterns) bytes += pattern.size();
        edges_ = PairTable<std::uint32_t>(bytes);
        for (std::size_t i = 0; i < patterns.size(); ++i) {
            const std::string& pattern = patterns[i];
            if (pattern.empty() || pattern.size() > max_bytes) {
                throw Error(ErrorCode::format, "tokenizer",
                            where + ": added token " + std::to_string(tokens[i].id) + " has " +
                                std::to_string(pattern.size()) + " bytes; 1 to 1000 are allowed");
            }
            starts_[static_cast<unsigned char>(pattern[0])] = true;
            std::uint32_t node = 0;
            for (char byte : pattern) {
                const auto* next = edges_.find(node, static_cast<unsigned char>(byte));
                if (next == nullptr) {
                    edges_.set(node, static_cast<unsigned char>(byte), static_cast<std::uint32_t>(ends_.size()));
                    node = static_cast<std::uint32_t>(ends_.size());
                    ends_.push_back(-1);
                } else {
                    node = *next;
                }
            }
            ends_[node] = static_cast<std::ptrdiff_t>(i);
        }
    }

    [[nodiscard]] bool empty() const { return tokens_.empty(); }

    /// Calls `outside(text, first)` for every stretch between tokens, `first` at the start of the text, and
    /// `token(AddedToken)` for every token, in order.
    template <class Outside, class Token>
    void split(std::string_view text, Outside&& outside, Token&& token) const {
        std::size_t done = 0;
        for (std::size_t i = 0; !empty() && i < text.size();) {
            std::size_t length = 0;
            const AddedToken* found = match(text, i, length);
            if (found == nullptr) {
                ++i;
                continue;
            }
            std::size_t begin = i;
            std::size_t end = i += length;
            if (found->single_word && !alone(text, begin, end)) continue;
            if (found->lstrip) {
                while (begin > done && is_space(utf8_code_point(last_character(text.substr(0, begin))))) {
                    begin -= last_character(text.substr(0, begin)).size();
                }
            }
            if (found->rstrip) {
                while (end < text.size() && is_space(utf8_code_point(text.substr(end))))
                    end += utf8_length(text[end]);
            }
            if (done < begin) outside(text.substr(done, begin - done), done == 0);
            token(*found);
            done = end;
        }
        if (done < text.size()) outside(text.substr(done), done == 0);
    }

private:
    static constexpr std::size_t max_bytes = 1000;

    [[nodiscard]] const AddedToken* match(std::string_view text, std::size_t start, std::size_t& length) const {
        if (!starts_[static_cast<unsigned char>(text[start])]) return nullptr;
        const AddedToken* found = nullptr;
        std::uint32_t node = 0;
        for (std::size_t i = start; i < text.size(); ++i) {
            const auto* next = edges_.find(node, static_cast<unsigned char>(text[i]));
            if (next == nullptr) break;
            node = *next;
            if (ends_[node] < 0) continue;
            found = &tokens_[static_cast<std::size_t>(ends_[node])];
            length = i + 1 - start;
        }
        return found;
    }
    [[nodiscard]] bool alone(std::string_view text, std::size_t begin, std::size_t end) const {
        return (begin == 0 || !is_word_(utf8_code_point(last_character(text.substr(0, begin))))) &&
               (end == text.size() || !is_word_(utf8_code_point(text.substr(end))));
    }

    std::vector<AddedToken> tokens_;
    bool (*is_word_)(char32_t) = nullptr;
    std::array<bool, 256> starts_{};
    PairTable<std::uint32_t> edges_;
    std::vector<std::ptrdiff_t> ends_{-1};
};

}  // namespace detail
}  // namespace lapidary
