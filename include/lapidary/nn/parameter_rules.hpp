#pragma once

#include <lapidary/core/parameters.hpp>

namespace lapidary {

/// How fast a parameter learns and whether it decays, as a function of its role. The default treats all alike, as
/// AMBER was trained. Adapters always learn at the rate itself, and decay.
struct ParameterRules {
    double matrix_rate = 1.0;  ///< multiplies the learning rate of matrices (not of embeddings and heads)
    double bias_rate = 1.0;    ///< the same of biases, those of norms left out
    bool decay_biases = true;
    bool decay_norms = true;

    [[nodiscard]] double rate_factor(const Leaf& leaf) const {
        return leaf.role == Role::matrix ? matrix_rate : leaf.role == Role::bias ? bias_rate : 1.0;
    }
    [[nodiscard]] bool decays(const Leaf& leaf) const {
        return leaf.role == Role::bias ? decay_biases : leaf.role == Role::norm ? decay_norms : true;
    }
};

/// The rules of the maximal update parametrisation for Adam, where the head is tied or its logits are multiplied
/// instead: matrices learn `width_scale` times as fast, `width_scale` being the width that the rate was tuned at
/// over the model's; norms and biases do not decay. Source: Yang et al., "Tensor programs V", 2022;
/// LLM360/crystalcoder-train.
inline ParameterRules mup_rules(double width_scale) {
    return {.matrix_rate = width_scale, .decay_biases = false, .decay_norms = false};
}

namespace detail {

/// Calls `visit(range, rate_factor, decays)` for the longest runs of the flat vector that follow one rule. Gaps
/// between leaves, where all is zero, go with the leaf before them.
template <class Visit>
void for_each_rule(const ParameterLayout& layout, const ParameterRules& rules, Visit&& visit) {
    const auto& leaves = layout.leaves();
    for (std::size_t i = 0; i < leaves.size();) {
        const double factor = rules.rate_factor(leaves[i]);
        const bool decays = rules.decays(leaves[i]);
        const Index first = leaves[i].offset;
        while (i < leaves.size() && rules.rate_factor(leaves[i]) == factor && rules.decays(leaves[i]) == decays)
            ++i;
        visit(Range{first, (i < leaves.size() ? leaves[i].offset : layout.size()) - first}, factor, decays);
    }
}

}  // namespace detail

}  // namespace lapidary
