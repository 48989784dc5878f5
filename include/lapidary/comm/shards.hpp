#pragma once

#include <lapidary/comm/collectives.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/ops/reduce.hpp>

#include <string>
#include <vector>

namespace lapidary {

/// How much of the training state each rank holds only its shard of; each level includes those before it. None
/// changes a bit. Source: Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter
/// models", 2020.
enum class Zero {
    off,        ///< nothing: plain data parallelism
    moments,    ///< ZeRO-1: the optimizer's state
    gradients,  ///< ZeRO-2: and the gradients
    weights,    ///< ZeRO-3: and the weights, which are gathered unit by unit when they are used
};

/// Which rank holds what, and at which level.
struct Sharding {
    int ranks = 1;
    int rank = 0;
    Zero zero = Zero::off;
};

/// How a flat vector is divided among ranks: each unit of the layout by itself, evenly, in whole blocks of the
/// global norm. A rank's shard is its parts of all units, one after the other. Any number of ranks fits any model:
/// the last ranks may have less, or nothing, of a unit. With one rank the shard is the vector.
class Shards {
public:
    /// Throws Error(value) unless 0 <= rank < ranks.
    Shards(const ParameterLayout& layout, int ranks, int rank)
        : units_(layout.units()), ends_together_(layout.ends_together()), rank_(rank) {
        if (ranks < 1 || rank < 0 || rank >= ranks) {
            throw Error(ErrorCode::value, "shards",
                        "rank " + std::to_string(rank) + " of " + std::to_string(ranks));
        }
        for (const Range& unit : units_) {
            parts_.push_back(even_parts(unit.count, ranks, reduction_block));
            offsets_.push_back(size_);
            size_ += parts_.back()[static_cast<std::size_t>(rank)].count;
        }
    }

    [[nodiscard]] int ranks() const { return static_cast<int>(parts_.front().size()); }
    [[nodiscard]] int rank() const { return rank_; }
    /// Elements of this rank's shard.
    [[nodiscard]] Index size() const { return size_; }

    [[nodiscard]] const std::vector<Range>& units() const { return units_; }
    /// As the layout says.
    [[nodiscard]] bool ends_together() const { return ends_together_; }
    [[nodiscard]] Index unit_count() const { return static_cast<Index>(units_.size()); }
    /// Where a unit lies in the flat vector.
    [[nodiscard]] Range unit(Index u) const { return units_[static_cast<std::size_t>(u)]; }
    /// Each rank's part of a unit, counted from the unit's beginning.
    [[nodiscard]] const std::vector<Range>& parts(Index u) const { return parts_[static_cast<std::size_t>(u)]; }
    /// This rank's part of a unit in the flat vector.
    [[nodiscard]] Range own(Index u) const { return of(u, rank_); }
    /// A rank's part of a unit in the flat vector.
    [[nodiscard]] Range of(Index u, int rank) const {
        const Range part = parts(u)[static_cast<std::size_t>(rank)];
        return {unit(u).first + part.first, part.count};
    }
    /// This rank's part of a unit in its shard.
    [[nodiscard]] Range shard(Index u) const { return {offsets_[static_cast<std::size_t>(u)], own(u).count}; }

private:
    std::vector<Range> units_;
    std::vector<std::vector<Range>> parts_;
    std::vector<Index> offsets_;
    Index size_ = 0;
    bool ends_together_;
    int rank_;
};

}  // namespace lapidary
