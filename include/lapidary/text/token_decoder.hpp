#pragma once

#include <lapidary/text/byte_level.hpp>
#include <lapidary/text/tokenizer.hpp>
#include <lapidary/text/tokenizer_file.hpp>
#include <lapidary/text/utf8.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// The "decoder" of a `tokenizer.json`: spellings of tokens to text. Knows ByteLevel, Metaspace, and sequences of
/// Replace (strings), ByteFallback, Fuse and, after that, a Strip at the start.
class TokenDecoder {
public:
    TokenDecoder() = default;
    /// Throws Error(format) and Error(unsupported) naming file and key.
    explicit TokenDecoder(const FilePart& part) : joined_by_spaces_(part.value.is_null()) {
        for_each_part(part, "decoders", [&](const FilePart& inner) { add(inner); });
    }

    /// What a token adds to the text: characters, or bytes that may be part of one.
    struct Piece {
        std::string text;
        bool bytes = false;  ///< of characters that other tokens complete
    };

    /// The piece of a token as the vocabulary spells it.
    [[nodiscard]] Piece piece(std::string_view token) const {
        if (byte_level_) {
            auto bytes = read_spelled_bytes(token);
            return {bytes ? std::move(*bytes) : std::string(token), true};
        }
        std::string text(token);
        for (const auto& [from, to] : replacements_) {
            text = replaced(text, from, to);
            if (grows_too_much(token.size(), text.size())) {
                throw Error(ErrorCode::unsupported, "tokenizer",
                            "decoder: makes too much text of " + quote(token));
            }
        }
        if (byte_fallback_ && text.size() == 6 && text.starts_with("<0x") && text.ends_with('>')) {
            const int high = hexadecimal(text[3]);
            const int low = hexadecimal(text[4]);
            if (high >= 0 && low >= 0) return {std::string(1, static_cast<char>(high * 16 + low)), true};
        }
        return {std::move(text), false};
    }

    /// Where a text that grows token by token stands.
    struct State {
        std::string pending;       // bytes that do not make a character yet
        bool started = false;      // whether there was a token
        std::size_t stripped = 0;  // characters taken off the start
        bool stripping = true;
    };

    /// Appends to `out` what is settled by one more token.
    void add(State& state, const Piece& piece, std::string& out) const {
        if (joined_by_spaces_ && state.started) out += ' ';
        const std::size_t before = out.size();
        if (byte_level_) {
            state.pending += piece.text;
            const std::size_t left = append_valid_utf8(out, state.pending, true);
            state.pending.erase(0, state.pending.size() - left);
        } else if (piece.bytes) {
            state.pending += piece.text;
        } else {
            flush(state, out);
            if (!metaspace_.empty() && !joined_by_spaces_) {
                out += replaced(piece.text, metaspace_, state.started || keeps_first_ ? " " : "");
            } else {
                out += piece.text;
            }
        }
        state.started = true;
        strip(state, out, before);
    }
    /// Appends the rest.
    void finish(State& state, std::string& out) const {
        const std::size_t before = out.size();
        flush(state, out);
        strip(state, out, before);
    }

private:
    void add(const FilePart& part) {
        const std::string type = part.type();
        const bool alone = replacements_.empty() && !byte_fallback_ && !fuse_ && metaspace_.empty();
        if (byte_level_ || !metaspace_.empty() || strip_ > 0) part["type"].not_supported(type + ", behind others");
        if (type == "ByteLevel" && alone) {
            byte_level_ = true;
        } else if (type == "Metaspace" && alone) {
            metaspace_ = read_character(part, "replacement");
            keeps_first_ = part.get_or<std::string>("prepend_scheme", "always") == "never" ||
                           !part.get_or<bool>("add_prefix_space", true);
        } else if (type == "Replace" && !byte_fallback_ && !fuse_) {
            bool is_regex = false;
            std::string pattern = read_pattern(part, is_regex);
            if (is_regex) part["pattern"].not_supported("Regex");
            replacements_.emplace_back(std::move(pattern), read_replacement(part, "content"));
        } else if (type == "ByteFallback" && !fuse_) {
            byte_fallback_ = true;
        } else if (type == "Fuse") {
            fuse_ = true;
        } else if (type == "Strip" && fuse_) {
            strip_content_ = part.get<std::string>("content");
            strip_ = part.get<std::uint32_t>("start");
            if (part.get<std::uint32_t>("stop") != 0) part["stop"].not_supported("a Strip at the end");
            if (utf8_character(strip_content_) != strip_content_.size() || strip_content_.empty()) {
                part["content"].refuse("must be one character");
            }
        } else {
            part["type"].not_supported(type);
        }
    }

    /// Bytes that are no text become one U+FFFD each, as many as there are in a row.
    void flush(State& state, std::string& out) const {
        if (byte_level_) {
            append_valid_utf8(out, state.pending);
        } else if (valid_utf8(state.pending)) {
            out += state.pending;
        } else {
            for (std::size_t i = 0; i < state.pending.size(); ++i) out += "\xEF\xBF\xBD";
        }
        state.pending.clear();
    }

    void strip(State& state, std::string& out, std::size_t from) const {
        if (strip_ == 0 || !state.stripping || from == out.size()) return;
        std::size_t end = from;
        while (state.stripped < strip_ && std::string_view(out).substr(end).starts_with(strip_content_)) {
            end += strip_content_.size();
            ++state.stripped;
        }
        state.stripping = end == out.size() && state.stripped < strip_;
        out.erase(from, end - from);
    }

    static std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
        std::string result;
        for (std::size_t i = text.find(from); i != std::string_view::npos; i = text.find(from)) {
            result.append(text.substr(0, i)).append(to);
            text.remove_prefix(i + from.size());
        }
        return result.append(text);
    }
    static int hexadecimal(char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    }

    bool joined_by_spaces_ = true;
    bool byte_level_ = false;
    bool byte_fallback_ = false;
    bool fuse_ = false;
    std::vector<std::pair<std::string, std::string>> replacements_;
    std::string metaspace_;  // the character for spaces, or none
    bool keeps_first_ = false;
    std::size_t strip_ = 0;  // at most so many at the start
    std::string strip_content_;
};

}  // namespace lapidary::detail
