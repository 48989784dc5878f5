#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/fingerprints.hpp>
#include <lapidary/data/token_chunks.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lapidary {

/// The file of a prepared directory that says where ids stand.
inline constexpr const char* token_index_file = "ngrams.safetensors";

namespace detail {

inline constexpr const char* token_index_format = "lapidary token index 1";

/// How `ngrams.safetensors` is laid out for given data.
///
/// An entry is a kept fingerprint, its key and its position: `entries` [n, digits + 1] U16, the low 16 bits of the
/// key and then the position, 16 bits at a time, the lowest first. Entries are sorted by key and, where it is the
/// same, by position. `buckets` [2^bits, 2] I64: for the keys that start with these bits, the first entry and a
/// check sum of their entries. A position counts the tokens of all windows, row by row and chunk by chunk.
struct TokenIndexLayout {
    Index positions = 0;   ///< tokens of all chunks
    int bucket_bits = 0;   ///< chosen so that a bucket has about 2000 to 4000 entries
    std::size_t digits{};  ///< of a position: 2 below 2^32 tokens, 3 from there on

    explicit TokenIndexLayout(const TokenChunks& chunks)
        : TokenIndexLayout(chunks.chunk_count() * chunks.windows_per_chunk() * (chunks.context() + 1)) {}
    explicit TokenIndexLayout(Index tokens) : positions(tokens) {
        const auto expected = static_cast<std::uint64_t>(positions) / (fingerprint_window + 1) * 2;
        bucket_bits = std::min(32, static_cast<int>(std::bit_width(expected / 4096)));
        digits = positions <= Index{1} << 32 ? 2 : 3;
    }

    [[nodiscard]] Index buckets() const { return Index{1} << bucket_bits; }
    [[nodiscard]] int key_bits() const { return bucket_bits + 16; }
    [[nodiscard]] Index width() const { return static_cast<Index>(digits) + 1; }
    /// The key of a fingerprint. Kept hashes are the smallest of several, so they are spread evenly again.
    [[nodiscard]] std::uint64_t key(std::uint64_t hash) const {
        return (hash * 0x9E3779B97F4A7C15ULL) >> (64 - key_bits());
    }
};

/// FNV-1a over 16-bit digits: any one that changes changes the sum.
class DigitSum {
public:
    void add(std::uint16_t digit) { sum_ = (sum_ ^ digit) * 0x100000001b3ULL; }
    void add(std::span<const std::uint16_t> digits) {
        for (const std::uint16_t digit : digits) add(digit);
    }
    [[nodiscard]] std::int64_t value() const { return static_cast<std::int64_t>(sum_); }

private:
    std::uint64_t sum_ = 0xcbf29ce484222325ULL;
};

}  // namespace detail

}  // namespace lapidary
