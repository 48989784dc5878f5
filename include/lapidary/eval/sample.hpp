#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
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

namespace detail {

/// The first of the largest logits. Throws Error(not_finite) if a logit is not a number or the largest is
/// infinite.
template <class T>
Index likeliest(std::span<const T> logits) {
    constexpr std::size_t block = 64;  // compared at once: few blocks of many hold a new maximum
    T best = -std::numeric_limits<T>::infinity();
    Index place = 0;
    for (std::size_t first = 0; first < logits.size(); first += block) {
        const auto part = logits.subspan(first, std::min(block, logits.size() - first));
        int larger = 0;
        for (const T logit : part) larger |= static_cast<int>(!(logit <= best));
        if (larger == 0) continue;
        for (std::size_t i = 0; i < part.size(); ++i) {
            if (std::isnan(part[i])) throw Error(ErrorCode::not_finite, "sample", "a logit is not a number");
            if (!(part[i] > best)) continue;
            best = part[i];
            place = static_cast<Index>(first + i);
        }
    }
    if (!std::isfinite(best)) throw Error(ErrorCode::not_finite, "sample", "the largest logit is infinite");
    return place;
}

}  // namespace detail

/// Draws a token from softmax(logits / temperature), restricted to the top tokens (`top_p` is a share of what
/// `top_k` leaves). `position` counts the draws of one text, `text` the texts: the choice is a pure function of
/// (logits, options, position, text). Ties go to the lower id. Throws Error(not_finite) if a logit is not a number
/// or the largest is infinite, Error(value) for options outside their range.
template <class T>
Index sample(std::span<const T> logits, const SampleOptions& options, std::uint64_t position,
             std::uint64_t text = 0) {
    if (logits.empty() || !(options.temperature >= 0) || options.top_k < 0 ||
        !(options.top_p > 0 && options.top_p <= 1)) {
        throw Error(ErrorCode::value, "sample",
                    "temperature must be at least 0, top_k at least 0, top_p in (0, 1], and there must be logits");
    }
    const Index best = detail::likeliest(logits);
    if (options.temperature == 0) return best;
    const auto at = [&](Index i) { return static_cast<double>(logits[static_cast<std::size_t>(i)]); };

    // The order of likelihood is needed for as many tokens as are considered, mostly a few of very many.
    const auto size = static_cast<Index>(logits.size());
    const Index most = options.top_k > 0 ? std::min(options.top_k, size) : size;
    const bool all = most == size && options.top_p == 1;
    std::vector<Index> order(logits.size());
    std::iota(order.begin(), order.end(), Index{0});
    Index sorted = 0;
    const auto candidate = [&](Index rank) {
        while (!all && rank >= sorted) {
            const Index next = std::min(most, std::max<Index>(64, 2 * sorted));
            std::partial_sort(order.begin() + sorted, order.begin() + next, order.end(),
                              [&](Index a, Index b) { return at(a) != at(b) ? at(a) > at(b) : a < b; });
            sorted = next;
        }
        return order[static_cast<std::size_t>(rank)];
    };
    std::vector<double> weights(logits.size());  // by id, of those that are considered
    const auto weight = [&](Index i) -> double& { return weights[static_cast<std::size_t>(i)]; };
    double total = 0;
    for (Index rank = 0; rank < most; ++rank) {
        const Index i = most == size ? rank : candidate(rank);
        total += weight(i) = std::exp((at(i) - at(best)) / options.temperature);
    }
    double kept = 0;
    Index count = 0;
    if (all) {
        count = size;
        kept = total;
    }
    while (count < most && (count == 0 || kept < options.top_p * total)) kept += weight(candidate(count++));

    double target = Philox(options.seed, "sample", text).uniform(position) * kept;
    for (Index rank = 0; rank < count; ++rank) {
        target -= weight(candidate(rank));
        if (target < 0) return candidate(rank);
    }
    return candidate(count - 1);
}

}  // namespace lapidary
