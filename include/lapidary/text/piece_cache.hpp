#pragma once

#include <lapidary/text/tokenizer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace lapidary::detail {

/// Remembers the ids of short pieces of text, one small table for each thread: no locks, and what is found in it
/// is what would be computed. Tokenizers share the table, each with a number of its own.
class PieceCache {
public:
    static constexpr std::size_t max_bytes = 26, max_ids = 8;

    /// The number of one more tokenizer.
    static std::uint32_t new_owner() {
        static std::atomic<std::uint32_t> owners{0};
        return owners.fetch_add(1) + 1;
    }

    struct Entry {
        std::uint32_t owner;
        std::uint8_t bytes, count;
        char text[max_bytes];
        TokenId ids[max_ids];
    };
    static_assert(sizeof(Entry) == 64);

    /// Where a piece of 1 to `max_bytes` bytes is or belongs.
    static Entry& entry(std::uint32_t owner, std::string_view piece) {
        static thread_local const std::unique_ptr<Entry[]> entries =
            std::make_unique<Entry[]>(std::size_t{1} << bits);
        std::uint64_t words[4] = {};
        std::memcpy(words, piece.data(), piece.size());
        std::uint64_t hash = piece.size() ^ owner;
        for (std::uint64_t word : words) hash = (hash ^ word ^ hash >> 31) * 0x9E3779B97F4A7C15ULL;
        return entries[hash >> (64 - bits)];
    }

    static bool holds(const Entry& entry, std::uint32_t owner, std::string_view piece) {
        return entry.owner == owner && entry.bytes == piece.size() &&
               std::memcmp(entry.text, piece.data(), piece.size()) == 0;
    }

    static void fill(Entry& entry, std::uint32_t owner, std::string_view piece, std::span<const TokenId> ids) {
        if (ids.size() > max_ids) return;
        entry.owner = owner;
        entry.bytes = static_cast<std::uint8_t>(piece.size());
        entry.count = static_cast<std::uint8_t>(ids.size());
        std::memcpy(entry.text, piece.data(), piece.size());
        std::memcpy(entry.ids, ids.data(), ids.size_bytes());
    }

private:
    static constexpr int bits = 14;
};

}  // namespace lapidary::detail
