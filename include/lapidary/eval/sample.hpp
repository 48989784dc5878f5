#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

namespace lapidary {

struct SampleOptions {
    double temperature = 1.0;  ///< 0: always the most likely token
    Index top_k = 0;           ///< consider this many most likely tokens; 0: all
    double top_p = 1.0;        ///< consider the fewest tokens whose probabilities reach this sum
    std::uint64_t seed = 0;
};

/// Draws a token from softmax(logits / temperature), restricted to the top tokens. `position` counts draws: the choice
/// is a pure function of (logits, options, position). Ties go to the lower id. Throws Error(not_finite) if a logit is
/// not a number, Error(value) for options outside their range.
template <class T>
Index sample(std::span<const T> logits, const SampleOptions& options, std::uint64_t position) {
    if (logits.empty() || !(options.temperature >= 0) || options.top_k < 0 || !(options.top_p > 0 && options.top_p <= 1)) {
        throw Error(ErrorCode::value, "sample",
                    "temperature must be at least 0, top_k at least 0, top_p in (0, 1], and there must be logits");
    }
    for (T logit : logits) {
        if (std::isnan(logit)) throw Error(ErrorCode::not_finite, "sample", "a logit is not a number");
    }
    const auto at = [&](Index i) { return static_cast<double>(logits[static_cast<std::size_t>(i)]); };
    std::vector<Index> order(logits.size());
    std::iota(order.begin(), order.end(), Index{0});
    const auto more_likely = [&](Index a, Index b) { return at(a) != at(b) ? at(a) > at(b) : a < b; };
    if (options.temperature == 0) return *std::min_element(order.begin(), order.end(), more_likely);

    std::sort(order.begin(), order.end(), more_likely);
    if (options.top_k > 0 && options.top_k < static_cast<Index>(order.size())) {
        order.resize(static_cast<std::size_t>(options.top_k));
    }
    std::vector<double> weights;
    double total = 0;
    for (Index i : order) total += weights.emplace_back(std::exp((at(i) - at(order[0])) / options.temperature));
    double kept = 0;
    std::size_t count = 0;
    while (count < weights.size() && (count == 0 || kept < options.top_p * total)) kept += weights[count++];

    double target = Philox(options.seed, "sample").uniform(position) * kept;
    for (std::size_t i = 0; i < count; ++i) {
        target -= weights[i];
        if (target < 0) return order[i];
    }
    return order[count - 1];
}

}  // namespace lapidary
