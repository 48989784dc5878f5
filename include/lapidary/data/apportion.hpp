#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/decimal.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// Integers in the proportions of decimal weights, which add up to at most 10^18: exactly in these proportions if
/// a power of ten makes all weights such integers, as it does for weights of up to 17 decimal places that add up
/// to 1; else rounded to the nearest. Throws Error(value) for a weight that is negative or not finite.
inline std::vector<Index> integer_weights(std::span<const double> weights) {
    constexpr std::uint64_t limit = 1'000'000'000'000'000'000;
    std::vector<Decimal> decimals;
    int places = std::numeric_limits<int>::min();
    for (double weight : weights) {
        decimals.push_back(decimal(weight));
        if (weight > 0) places = std::max(places, -decimals.back().exponent);
    }
    const auto shifted = [&](const Decimal& weight) -> detail::Uint128 {
        if (weight.digits == 0) return 0;
        const int shift = weight.exponent + places;
        const detail::Uint128 power = detail::power_of_ten(shift < 0 ? -shift : shift);
        if (shift < 0) return detail::rounded_quotient(weight.digits, power);
        return power > limit ? limit + 1 : std::min<detail::Uint128>(weight.digits * power, limit + 1);
    };
    for (;; --places) {
        std::vector<Index> result;
        detail::Uint128 sum = 0;
        for (const Decimal& weight : decimals) {
            const detail::Uint128 integer = shifted(weight);
            sum += integer;
            result.push_back(static_cast<Index>(integer));
        }
        if (sum <= limit) return result;
    }
}

namespace detail {

inline Uint128 checked_sum(std::span<const Index> weights, const char* operation) {
    Uint128 sum = 0;
    for (Index weight : weights) {
        if (weight < 0) throw Error(ErrorCode::value, operation, "a weight of " + std::to_string(weight));
        sum += static_cast<Uint128>(weight);
    }
    if (sum > static_cast<Uint128>(std::numeric_limits<Index>::max())) {
        throw Error(ErrorCode::value, operation, "the weights add up to more than 63 bits");
    }
    return sum;
}

}  // namespace detail

/// Divides `total` in the proportions of the weights, by largest remainder: everyone gets its exact share rounded
/// down, and those with the largest remainders, the earlier one of equal ones, get one more until nothing is left.
/// So the shares add up to `total` and each is less than one away from total * weight / sum of weights. Throws
/// Error(value) for a negative total or weight, or if a positive total meets no positive weight.
inline std::vector<Index> apportion(Index total, std::span<const Index> weights) {
    const detail::Uint128 sum = detail::checked_sum(weights, "apportion");
    if (total < 0 || (total > 0 && sum == 0)) {
        throw Error(ErrorCode::value, "apportion",
                    std::to_string(total) + " to share, " + std::to_string(weights.size()) +
                        " weights, none of them positive");
    }
    std::vector<Index> shares(weights.size());
    if (total == 0) return shares;
    std::vector<detail::Uint128> remainders(weights.size());
    Index left = total;
    for (std::size_t s = 0; s < weights.size(); ++s) {
        const detail::Uint128 product =
            static_cast<detail::Uint128>(total) * static_cast<detail::Uint128>(weights[s]);
        shares[s] = static_cast<Index>(product / sum);
        remainders[s] = product % sum;
        left -= shares[s];
    }
    std::vector<std::size_t> by_remainder(weights.size());
    std::iota(by_remainder.begin(), by_remainder.end(), std::size_t{0});
    std::stable_sort(by_remainder.begin(), by_remainder.end(),
                     [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
    for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) ++shares[by_remainder[i]];
    return shares;
}

/// The largest total that `apportion` divides without giving anyone more than its limit. Throws Error(value) for a
/// negative weight or limit, or if no weight is positive.
inline Index largest_total(std::span<const Index> limits, std::span<const Index> weights) {
    const detail::Uint128 sum = detail::checked_sum(weights, "largest_total");
    if (sum == 0 || limits.size() != weights.size()) {
        throw Error(ErrorCode::value, "largest_total",
                    std::to_string(limits.size()) + " limits and " + std::to_string(weights.size()) +
                        " weights, or none of them positive");
    }
    auto total = static_cast<detail::Uint128>(std::numeric_limits<Index>::max());
    for (std::size_t s = 0; s < weights.size(); ++s) {
        if (limits[s] < 0)
            throw Error(ErrorCode::value, "largest_total", "a limit of " + std::to_string(limits[s]));
        if (weights[s] == 0) continue;
        total = std::min(total,
                         static_cast<detail::Uint128>(limits[s]) * sum / static_cast<detail::Uint128>(weights[s]));
    }
    return static_cast<Index>(total);
}

}  // namespace lapidary
