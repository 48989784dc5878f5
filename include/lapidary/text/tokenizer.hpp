#pragma once

#include <lapidary/core/shape.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

/// A position in a vocabulary. Negative: there is none.
using TokenId = std::int32_t;

/// Text to token ids and back.
/// - `encode(text)`: ids of a whole text, without special tokens; a pure function, safe to call from many threads;
/// - `decode(ids)`: the text; special tokens decode to nothing;
/// - `vocabulary_size()`: every id is in [0, vocabulary_size());
/// - `bos_id()`, `eos_id()`, `unknown_id()`: the special ids, -1 where the vocabulary has none.
template <class T>
concept Tokenizer = requires(const T& tokenizer, std::string_view text, std::span<const TokenId> ids) {
    { tokenizer.encode(text) } -> std::same_as<std::vector<TokenId>>;
    { tokenizer.decode(ids) } -> std::same_as<std::string>;
    { tokenizer.vocabulary_size() } -> std::same_as<Index>;
    { tokenizer.bos_id() } -> std::same_as<TokenId>;
    { tokenizer.eos_id() } -> std::same_as<TokenId>;
    { tokenizer.unknown_id() } -> std::same_as<TokenId>;
};

/// The name under which a Hugging Face directory keeps a tokenizer's file.
inline const char* tokenizer_file_name(const std::filesystem::path& file) {
    return file.extension() == ".json" ? "tokenizer.json" : "tokenizer.model";
}
/// What belongs to it, if it stands beside it: special and added tokens.
inline constexpr std::array tokenizer_side_files{"tokenizer_config.json", "added_tokens.json"};

}  // namespace lapidary
