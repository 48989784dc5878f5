#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// Pearson's correlation of two equally long series, in [-1, 1]; of series of zeros and ones it is the phi
/// coefficient. Nothing where it is undefined: fewer than two values, or a series that does not vary. Throws
/// Error(shape) for different lengths.
inline std::optional<double> pearson(std::span<const double> x, std::span<const double> y) {
    if (x.size() != y.size()) {
        throw Error(ErrorCode::shape, "pearson",
                    std::to_string(x.size()) + " values beside " + std::to_string(y.size()));
    }
    const auto n = static_cast<double>(x.size());
    double mean_x = 0, mean_y = 0;
    for (std::size_t i = 0; i < x.size(); ++i) mean_x += x[i], mean_y += y[i];
    mean_x /= n, mean_y /= n;
    double xx = 0, yy = 0, xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double dx = x[i] - mean_x, dy = y[i] - mean_y;
        xx += dx * dx, yy += dy * dy, xy += dx * dy;
    }
    const auto varies = [](std::span<const double> values) {  // exactly: a mean is rounded
        for (const double value : values) {
            if (value != values.front()) return true;
        }
        return false;
    };
    if (!varies(x) || !varies(y)) return std::nullopt;
    const double r = xy / std::sqrt(xx * yy);
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

/// The correlations of each series with each: symmetric.
inline std::vector<std::vector<std::optional<double>>> correlation_matrix(
    const std::vector<std::vector<double>>& series) {
    std::vector<std::vector<std::optional<double>>> result(series.size());
    for (std::size_t i = 0; i < series.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            result[i].push_back(pearson(series[i], series[j]));
            result[j].push_back(result[i].back());
        }
        result[i].push_back(pearson(series[i], series[i]));
    }
    return result;
}

}  // namespace lapidary
