#pragma once

#include <lapidary/text/pair_table.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <vector>

namespace lapidary::detail {

/// The learnt merges of byte-pair encoding: of two neighbours that have one, those of the lowest rank become one,
/// the leftmost first, until none are left.
class BytePairs {
public:
    struct Merge {
        std::uint32_t rank;
        TokenId id;
    };

    explicit BytePairs(std::size_t expected = 0) : table_(expected) {}

    /// `left` and `right` become `id`; a pair that is set again keeps its last rank.
    void set(TokenId left, TokenId right, std::uint32_t rank, TokenId id) {
        table_.set(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right), {rank, id});
    }

    /// Merges `ids` in place and returns how many are left. O(n log n).
    std::size_t merge(std::span<TokenId> ids) const {
        return ids.size() <= short_piece ? merge_short(ids) : merge_long(ids);
    }

private:
    static constexpr std::size_t short_piece = 40;  // up to here looking through all ranks is faster than a queue
    static constexpr std::uint32_t no_rank = std::numeric_limits<std::uint32_t>::max();

    [[nodiscard]] Merge find(TokenId left, TokenId right) const {
        const Merge* found = table_.find(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right));
        return found != nullptr ? *found : Merge{no_rank, -1};
    }

    std::size_t merge_short(std::span<TokenId> ids) const {
        Merge merges[short_piece];  // of each with its right neighbour
        std::size_t count = ids.size();
        for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = find(ids[i], ids[i + 1]);
        while (count > 1) {
            std::size_t best = 0;
            for (std::size_t i = 1; i + 1 < count; ++i) {
                if (merges[i].rank < merges[best].rank) best = i;
            }
            if (merges[best].rank == no_rank) break;
            ids[best] = merges[best].id;
            --count;
            for (std::size_t i = best + 1; i < count; ++i) ids[i] = ids[i + 1];
            for (std::size_t i = best + 1; i + 1 < count; ++i) merges[i] = merges[i + 1];
            if (best + 1 < count) merges[best] = find(ids[best], ids[best + 1]);
            if (best > 0) merges[best - 1] = find(ids[best - 1], ids[best]);
        }
        return count;
    }

    std::size_t merge_long(std::span<TokenId> ids) const {
        struct Symbol {
            std::size_t previous, next;
            Merge merge;  // with the next; no_rank where there is none
        };
        const std::size_t count = ids.size();  // as an index: none
        std::vector<Symbol> symbols(count);
        struct Candidate {
            std::uint32_t rank;
            std::size_t position;
            bool operator>(const Candidate& other) const {
                return rank != other.rank ? rank > other.rank : position > other.position;
            }
        };
        std::vector<Candidate> candidates;
        candidates.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            symbols[i] = {i == 0 ? count : i - 1, i + 1, {no_rank, -1}};
            if (i + 1 == count) break;
            symbols[i].merge = find(ids[i], ids[i + 1]);
            if (symbols[i].merge.rank != no_rank) candidates.push_back({symbols[i].merge.rank, i});
        }
        std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue({}, std::move(candidates));
        const auto renew = [&](std::size_t i) {
            const std::size_t next = symbols[i].next;
            symbols[i].merge = next < count ? find(ids[i], ids[next]) : Merge{no_rank, -1};
            if (symbols[i].merge.rank != no_rank) queue.push({symbols[i].merge.rank, i});
        };
        while (!queue.empty()) {
            const auto [rank, i] = queue.top();
            queue.pop();
            if (symbols[i].merge.rank != rank) continue;  // one of the two has been merged since
            const std::size_t gone = symbols[i].next;
            ids[i] = symbols[i].merge.id;
            symbols[i].next = symbols[gone].next;
            symbols[gone].merge.rank = no_rank;
            if (symbols[i].next < count) symbols[symbols[i].next].previous = i;
            renew(i);
            if (symbols[i].previous < count) renew(symbols[i].previous);
        }
        std::size_t left = 0;
        for (std::size_t i = 0; i < count; i = symbols[i].next) ids[left++] = ids[i];
        return left;
    }

    PairTable<Merge> table_;
};

}  // namespace lapidary::detail
