#pragma once

#include <lapidary/text/byte_level.hpp>
#include <lapidary/text/byte_pairs.hpp>
#include <lapidary/text/piece_cache.hpp>
#include <lapidary/text/tokenizer_file.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lapidary::detail {

/// The "BPE" model of a `tokenizer.json`: pieces of text to ids.
class BytePairModel {
public:
    BytePairModel() = default;

    /// `byte_level`: pieces are bytes, which the vocabulary spells as characters. Throws Error(format) and
    /// Error(unsupported) naming file and key.
    BytePairModel(const FilePart& part, bool byte_level)
        : byte_level_(byte_level), owner_(PieceCache::new_owner()) {
        if (part.has("type") && part.type() != "BPE") part["type"].not_supported(part.type());
        if (part.get_or<double>("dropout", 0.0) != 0.0) part["dropout"].not_supported("dropout");
        for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
            if (!part.get_or<std::string>(key, "").empty()) part[key].not_supported(part.get<std::string>(key));
        }
        fuse_unknown_ = part.get_or<bool>("fuse_unk", false);
        whole_pieces_first_ = part.get_or<bool>("ignore_merges", false);
        read_vocabulary(part["vocab"]);
        if (part.has("unk_token")) {
            const auto token = part.get<std::string>("unk_token");
            if (!ids_.contains(token)) part["unk_token"].refuse(quote(token) + " is not in the vocabulary");
            unknown_ = ids_.at(token);
        }
        read_merges(part["merges"]);
        read_symbols(part.get_or<bool>("byte_fallback", false));
    }

    /// The tokens by their spelling.
    [[nodiscard]] const std::unordered_map<std::string, TokenId>& vocabulary() const { return ids_; }
    [[nodiscard]] TokenId unknown_id() const { return unknown_; }

    /// Appends the ids of one piece.
    void encode(std::string_view piece, std::vector<TokenId>& out) const {
        if (piece.empty()) return;
        if (!splits_at_spaces_ || piece.size() <= PieceCache::max_bytes) return encode_cached(piece, out);
        // No merge joins a space (U+2581) to what stands before it, so text may be cut there: words are short, and
        // come again.
        std::size_t begin = 0;
        for (std::size_t i = piece.find(space, space.size()); i != std::string_view::npos;
             i = piece.find(space, i + space.size())) {
            if (piece.substr(i - space.size(), space.size()) == space) continue;
            encode_cached(piece.substr(begin, i - begin), out);
            begin = i;
        }
        encode_cached(piece.substr(begin), out);
    }

private:
    static constexpr std::string_view space = "\xE2\x96\x81";
    using Symbols = std::vector<TokenId>;

    void read_vocabulary(const FilePart& part) {
        if (!part.value.is_object()) part.refuse("must be an object");
        for (const auto& [token, id] : part.value.items()) {
            if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > max_id) {
                part.refuse("the id of " + quote(token) + " must be an integer from 0 to " +
                            std::to_string(max_id));
            }
            ids_.emplace(token, id.get<TokenId>());
        }
        if (ids_.empty()) part.refuse("must not be empty");
    }

    void read_merges(const FilePart& part) {
        pairs_ = BytePairs(part.value.size());
        std::uint32_t rank = 0;
        splits_at_spaces_ = !byte_level_ && !whole_pieces_first_ && ids_.contains(std::string(space));
        part.for_each([&](const FilePart& merge) {
            std::string left, right;
            if (merge.value.is_array() && merge.value.size() == 2 && merge.value[0].is_string() &&
                merge.value[1].is_string()) {
                left = merge.value[0].get<std::string>();
                right = merge.value[1].get<std::string>();
            } else if (merge.value.is_string()) {
                const auto both = merge.value.get<std::string>();
                const std::size_t gap = both.find(' ');
                if (both.starts_with("#version")) return;
                if (gap == std::string::npos || both.find(' ', gap + 1) != std::string::npos) {
                    merge.refuse("must be two tokens with a space between: " + quote(both));
                }
                left = both.substr(0, gap);
                right = both.substr(gap + 1);
            } else {
                merge.refuse("must be \"a b\" or [\"a\", \"b\"]");
            }
            const auto id = [&](const std::string& token) {
                const auto found = ids_.find(token);
                if (found == ids_.end()) merge.refuse(quote(token) + " is not in the vocabulary");
                return found->second;
            };
            const TokenId first = id(left), second = id(right);
            pairs_.set(first, second, rank++, id(left + right));
            if (right.starts_with(space) && !left.ends_with(space)) splits_at_spaces_ = false;
        });
    }

    /// The ids of every byte (of a byte-level model) or ASCII character that a piece is built from.
    void read_symbols(bool byte_fallback) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const auto found = ids_.find(std::string("<0x") + digits[byte >> 4] + digits[byte & 15U] + ">");
            fallback_[byte] = byte_fallback && found != ids_.end() ? found->second : -1;
        }
        for (std::size_t byte = 0; byte < (byte_level_ ? 256 : 128); ++byte) {
            const char character = static_cast<char>(byte);
            const std::string_view text(&character, 1);
            const auto found = ids_.find(byte_level_ ? spell_bytes(text) : std::string(text));
            symbols_[byte] = found != ids_.end() ? found->second : -1;
        }
    }

    void encode_cached(std::string_view piece, std::vector<TokenId>& out) const {
        if (piece.size() > PieceCache::max_bytes) return encode_piece(piece, out);
        auto& entry = PieceCache::entry(owner_, piece);
        if (PieceCache::holds(entry, owner_, piece)) {
            out.insert(out.end(), entry.ids, entry.ids + entry.count);
            return;
        }
        const std::size_t before = out.size();
        encode_piece(piece, out);
        PieceCache::fill(entry, owner_, piece, std::span<const TokenId>(out).subspan(before));
    }

    void encode_piece(std::string_view piece, std::vector<TokenId>& out) const {
        if (whole_pieces_first_) {
            const auto found = ids_.find(byte_level_ ? spell_bytes(piece) : std::string(piece));
            if (found != ids_.end()) return out.push_back(found->second);
        }
        const std::size_t before = out.size();
        append_symbols(piece, out);
        out.resize(before + pairs_.merge(std::span(out).subspan(before)));
    }

    /// Appends the ids of the characters, or bytes, of a piece. What the vocabulary lacks becomes its bytes, or
    /// the unknown token, or nothing.
    void append_symbols(std::string_view piece, std::vector<TokenId>& out) const {
        bool unknown = false;  // one is due; bytes do not end it
        for (std::size_t i = 0; i < piece.size();) {
            const std::size_t length = byte_level_ ? 1 : utf8_length(piece[i]);
            const std::string_view character = piece.substr(i, length);
            i += length;
            if (const TokenId id = symbol(character); id >= 0) {
                if (unknown) out.push_back(unknown_);
                unknown = false;
                out.push_back(id);
            } else if (!append_bytes(character, out) && unknown_ >= 0) {
                if (unknown && !fuse_unknown_) out.push_back(unknown_);
                unknown = true;
            }
        }
        if (unknown) out.push_back(unknown_);
    }
    [[nodiscard]] TokenId symbol(std::string_view character) const {
        if (character.size() == 1) return symbols_[static_cast<unsigned char>(character[0])];
        const auto found = ids_.find(std::string(character));  // short enough to need no memory of its own
        return found != ids_.end() ? found->second : -1;
    }
    bool append_bytes(std::string_view character, std::vector<TokenId>& out) const {
        std::string spelled;
        if (byte_level_) character = spelled = spell_bytes(character);
        for (char byte : character) {
            if (fallback_[static_cast<unsigned char>(byte)] < 0) return false;
        }
        for (char byte : character) out.push_back(fallback_[static_cast<unsigned char>(byte)]);
        return true;
    }

    static constexpr std::int64_t max_id = (1 << 30) - 1;

    bool byte_level_ = false;
    bool fuse_unknown_ = false;
    bool whole_pieces_first_ = false;
    bool splits_at_spaces_ = false;
    std::uint32_t owner_ = 0;
    TokenId unknown_ = -1;
    std::unordered_map<std::string, TokenId> ids_;
    BytePairs pairs_;
    std::array<TokenId, 256> symbols_{};
    std::array<TokenId, 256> fallback_{};
};

}  // namespace lapidary::detail
