#pragma once

#include <lapidary/nn/parameter_rules.hpp>
#include <lapidary/ops/check.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

// What optimizers have in common that treat elements one by one, of any range of the flat vector.

namespace lapidary::detail {

/// Throws Error(shape) unless each of these vectors, given with their elements, has as many as the range.
inline void require_range(std::string_view operation, Range range,
                          std::initializer_list<std::pair<const char*, Index>> vectors) {
    for (const auto& [what, elements] : vectors) {
        require_shape(elements == range.count, operation, [what = what, elements = elements, &range] {
            return std::string(what) + " have " + std::to_string(elements) + " elements for " +
                   std::to_string(range.count) + " parameters";
        });
    }
}

/// Calls `visit(run, rate_factor, decays)` for the runs of the range that follow one rule, as `for_each_rule` does
/// for the whole layout.
template <class Visit>
void for_each_rule_in(Range range, const ParameterLayout& layout, const ParameterRules& rules, Visit&& visit) {
    for_each_rule(layout, rules, [&](Range run, double factor, bool decays) {
        const Index begin = std::max(run.first, range.first), end = std::min(run.end(), range.end());
        if (begin < end) visit(Range{begin, end - begin}, factor, decays);
    });
}

}  // namespace lapidary::detail
