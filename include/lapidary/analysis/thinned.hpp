#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/train/record.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace lapidary {

/// Which steps of a long log share a point of a chart: bucket i holds steps [first + i * width, ... + width).
struct StepBuckets {
    Index first = 0;
    Index width = 1;
    Index count = 0;

    /// The narrowest equal buckets from `first` to `last` that are at most `most`.
    static StepBuckets covering(Index first, Index last, Index most) {
        const Index span = last - first + 1;
        const Index width = ceil_div(span, most);
        return {first, width, ceil_div(span, width)};
    }

    [[nodiscard]] std::size_t of(Index step) const { return static_cast<std::size_t>((step - first) / width); }
};

/// One value of each bucket; NaN where a bucket has no finite one.
struct ThinnedSeries {
    std::vector<double> mean, low, high;
};

/// Mean, lowest and highest of `value(record)` in each bucket: no spike is lost. A function of the records alone.
template <class Value>
ThinnedSeries thin(const StepBuckets& buckets, std::span<const StepRecord> records, Value value) {
    const auto size = static_cast<std::size_t>(buckets.count);
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    ThinnedSeries result{std::vector<double>(size, none), std::vector<double>(size, none),
                         std::vector<double>(size, none)};
    std::vector<double> sums(size);
    std::vector<Index> counts(size);
    for (const StepRecord& record : records) {
        const double one = value(record);
        if (!std::isfinite(one)) continue;
        const std::size_t i = buckets.of(record.step);
        result.low[i] = counts[i] == 0 ? one : std::min(result.low[i], one);
        result.high[i] = counts[i] == 0 ? one : std::max(result.high[i], one);
        sums[i] += one;
        ++counts[i];
    }
    for (std::size_t i = 0; i < size; ++i) {
        if (counts[i] > 0) result.mean[i] = sums[i] / static_cast<double>(counts[i]);
    }
    return result;
}

}  // namespace lapidary
