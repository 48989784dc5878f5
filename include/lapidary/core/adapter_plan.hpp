#pragma once

#include <lapidary/core/range.hpp>
#include <lapidary/core/shape.hpp>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace lapidary {

/// Which matrices learn through adapters: beside a frozen W stands scale * B A, of rank `rank`. Source: Hu et al.,
/// "LoRA: Low-Rank Adaptation of Large Language Models", 2021.
struct AdapterPlan {
    Index rank = 0;
    double alpha = 0;
    bool rank_stabilized = false;  ///< scale by the root of the rank (Kalajdzievski, 2023)
    /// By the name of the matrix's leaf: rows with an adapter of their own, ascending and disjoint. Fused matrices
    /// (queries, keys, values) have several.
    std::map<std::string, std::vector<Range>> parts{};

    [[nodiscard]] bool empty() const { return parts.empty(); }
    [[nodiscard]] double scale() const {
        const auto r = static_cast<double>(rank);
        return alpha / (rank_stabilized ? std::sqrt(r) : r);
    }
};

}  // namespace lapidary
