#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lapidary {

/// Ids that a fingerprint is made of.
inline constexpr std::size_t fingerprint_ids = 5;
/// Of so many fingerprints in a row one is kept.
inline constexpr std::size_t fingerprint_window = 6;
/// Equal ids of this length or more share a kept fingerprint.
inline constexpr std::size_t indexed_ids = fingerprint_window + fingerprint_ids - 1;

/// 64 bits of consecutive ids: the same for equal ids, and for others as good as random.
inline std::uint64_t hash_ids(std::span<const TokenId, fingerprint_ids> ids) {
    std::uint64_t hash = 0;
    for (const TokenId id : ids) {
        hash = (hash + static_cast<std::uint32_t>(id) + 1) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 32;
    }
    hash *= 0xD6E8FEB86659FD93ULL;
    return hash ^ (hash >> 32);
}

/// Calls `visit(hash, column)` for the fingerprints kept of `ids`, in order: of every `fingerprint_window`
/// consecutive hashes the smallest, of equal ones the last. What is kept depends on those hashes alone, so that
/// ids which stand at two places, `indexed_ids` or more of them, have their fingerprints kept at both. Of random
/// ids 2 in 7 are kept. Source: Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document
/// fingerprinting", SIGMOD 2003.
template <class Visit>
void winnow(std::span<const TokenId> ids, Visit visit) {
    if (ids.size() < indexed_ids) return;
    std::array<std::uint64_t, fingerprint_window> hashes{};  // the last ones, by column modulo their number
    std::size_t smallest = 0;                                // column
    bool kept = false;
    const auto at = [&](std::size_t column) -> std::uint64_t& { return hashes[column % fingerprint_window]; };
    for (std::size_t column = 0; column + fingerprint_ids <= ids.size(); ++column) {
        at(column) = hash_ids(std::span<const TokenId, fingerprint_ids>(ids.data() + column, fingerprint_ids));
        const std::size_t first = column + 1 < fingerprint_window ? 0 : column + 1 - fingerprint_window;
        if (smallest < first) {  // it has left the window
            kept = false;
            smallest = first;
            for (std::size_t i = first + 1; i <= column; ++i) {
                if (at(i) <= at(smallest)) smallest = i;
            }
        } else if (at(column) <= at(smallest)) {
            kept = false;
            smallest = column;
        }
        if (kept || column + 1 < fingerprint_window) continue;
        kept = true;
        visit(at(smallest), static_cast<Index>(smallest));
    }
}

}  // namespace lapidary
