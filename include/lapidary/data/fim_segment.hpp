#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/fim_draw.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// The ids that mark the parts of a transformed segment, and the one that fills up a window.
struct FimTokens {
    TokenId prefix = -1;
    TokenId middle = -1;
    TokenId suffix = -1;
    TokenId pad = -1;

    [[nodiscard]] bool contain(TokenId id) const {
        return id == prefix || id == middle || id == suffix || id == pad;
    }
};

namespace detail {

/// Characters of well-formed text.
inline Index character_count(std::string_view text) {
    return static_cast<Index>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// The byte where a character of well-formed text begins; its length for the one behind the last.
inline std::size_t character_begin(std::string_view text, Index character) {
    std::size_t byte = 0;
    for (; character > 0; --character) byte += utf8_length(text[byte]);
    return byte;
}

/// The parts of a transformed segment. Of SPM, `middle` is the prefix and the middle, and `prefix` is empty.
template <class Ids>
struct FimParts {
    Ids prefix, middle, suffix;
};

/// The parts of a text.
inline FimParts<std::string_view> cut_text(std::string_view text, const FimCut& cut) {
    const std::size_t first = character_begin(text, cut.first);
    const std::size_t length = character_begin(text.substr(first), cut.second - cut.first);
    return {text.substr(0, first), text.substr(first, length), text.substr(first + length)};
}

inline std::vector<TokenId> joined(std::initializer_list<std::span<const TokenId>> parts) {
    std::vector<TokenId> ids;
    for (const auto part : parts) ids.insert(ids.end(), part.begin(), part.end());
    return ids;
}

/// The ids of each part as a text of its own.
template <Tokenizer T>
FimParts<std::vector<TokenId>> encode_parts(const FimParts<std::string_view>& text, const T& tokenizer) {
    return {tokenizer.encode(text.prefix), tokenizer.encode(text.middle), tokenizer.encode(text.suffix)};
}

/// Whether ids give the text of each part back, and for SPM that of prefix and middle together, but for a space
/// between them.
template <Tokenizer T>
bool give_back(const FimParts<std::vector<TokenId>>& ids, const FimParts<std::string_view>& text, bool spm,
               const T& tokenizer) {
    if (tokenizer.decode(ids.prefix) != text.prefix || tokenizer.decode(ids.middle) != text.middle ||
        tokenizer.decode(ids.suffix) != text.suffix) {
        return false;
    }
    if (!spm) return true;
    const std::string together = tokenizer.decode(joined({ids.prefix, ids.middle}));
    if (!together.starts_with(text.prefix)) return false;
    const std::string_view rest = std::string_view(together).substr(text.prefix.size());
    return rest == text.middle || (rest.starts_with(' ') && rest.substr(1) == text.middle);
}

/// [prefix] P [suffix] S [middle] M, or for SPM [prefix] [suffix] S [middle] P M.
inline std::vector<TokenId> fim_ids(const FimParts<std::vector<TokenId>>& parts, bool spm,
                                    const FimTokens& tokens) {
    const std::span<const TokenId> prefix(&tokens.prefix, 1), suffix(&tokens.suffix, 1), middle(&tokens.middle, 1);
    if (spm) return joined({prefix, suffix, parts.suffix, middle, parts.prefix, parts.middle});
    return joined({prefix, parts.prefix, suffix, parts.suffix, middle, parts.middle});
}

/// The parts of what `fim_ids` gave. Throws Error(value) for other ids.
inline FimParts<std::span<const TokenId>> read_fim_ids(std::span<const TokenId> ids, const FimTokens& tokens) {
    const auto place = [&](TokenId token) {
        if (std::ranges::count(ids, token) != 1) {
            throw Error(ErrorCode::value, "fim_original",
                        "the id " + std::to_string(token) + " stands " +
                            std::to_string(std::ranges::count(ids, token)) + " times in a segment, expected once");
        }
        return static_cast<std::size_t>(std::ranges::find(ids, token) - ids.begin());
    };
    const std::size_t suffix = place(tokens.suffix), middle = place(tokens.middle);
    if (place(tokens.prefix) != 0 || suffix > middle) {
        throw Error(ErrorCode::value, "fim_original", "the order of a segment's parts is neither PSM nor SPM");
    }
    return {ids.subspan(1, suffix - 1), ids.subspan(middle + 1), ids.subspan(suffix + 1, middle - suffix - 1)};
}

inline bool is_transformed(std::span<const TokenId> ids, const FimTokens& tokens) {
    return std::ranges::any_of(ids, [&](TokenId id) { return tokens.contain(id); });
}

}  // namespace detail

/// The text that a segment was made from, transformed or not, told from its ids alone.
///
/// Exact for PSM. In SPM, prefix and middle are tokenized apart and stand together: exact where ids decode to the
/// same text together as apart, as they do with byte-level models. SentencePiece puts a space in front of each
/// text; then there is one space too many between prefix and middle, unless one of them is empty, and nothing in
/// the ids says where: the other overload knows. Throws Error(value) for ids that are no whole segment.
template <Tokenizer T>
std::string fim_original(std::span<const TokenId> ids, const FimTokens& tokens, const T& tokenizer) {
    if (!detail::is_transformed(ids, tokens)) return tokenizer.decode(ids);
    const auto parts = detail::read_fim_ids(ids, tokens);
    return tokenizer.decode(parts.prefix) + tokenizer.decode(parts.middle) + tokenizer.decode(parts.suffix);
}

/// The same where the segment's draw is known (`Fim::draw`), exact for SPM too, whether the tokenizer puts a space
/// in front or not. Throws Error(integrity) if the draw gives other ids.
template <Tokenizer T, class Draw>
std::string fim_original(std::span<const TokenId> ids, const FimTokens& tokens, const T& tokenizer,
                         const Draw& draw) {
    if (!detail::is_transformed(ids, tokens)) return tokenizer.decode(ids);
    const auto parts = detail::read_fim_ids(ids, tokens);
    const std::string suffix = tokenizer.decode(parts.suffix);
    const std::string start = tokenizer.decode(parts.prefix) + tokenizer.decode(parts.middle);
    // The cut follows from the length of the text. That is known but for the space that may stand between prefix
    // and middle, so the text is tried without and with it; only one gives the ids.
    for (const Index space : {0, 1}) {
        std::string text = start + suffix;
        const FimCut cut = draw.cut(std::max<Index>(detail::character_count(text) - space, 0));
        if (cut.second != detail::character_count(start) - space) continue;
        if (space != 0) {
            const std::size_t byte = detail::character_begin(text, cut.first);
            if (text[byte] != ' ') continue;
            text.erase(byte, 1);
        }
        const auto texts = detail::cut_text(text, cut);
        const auto made = detail::encode_parts(texts, tokenizer);
        if (std::ranges::equal(made.suffix, parts.suffix) &&
            detail::joined({made.prefix, made.middle}) == detail::joined({parts.prefix, parts.middle}) &&
            detail::give_back(made, texts, parts.prefix.empty(), tokenizer)) {
            return text;
        }
    }
    throw Error(ErrorCode::integrity, "fim_original", "the ids of a segment are not those that its draw gives");
}

}  // namespace lapidary
