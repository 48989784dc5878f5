#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// Elements per partial sum of `sum` and `sum_of_squares`: each partial sum is formed in one fixed order, and they
/// are added from the first to the last.
inline constexpr Index reduction_block = 16384;

/// Sum of all elements, accumulated in double.
template <Device D>
double sum(D& device, ConstView<Accumulator<D>, 1> x) {
    return sum_on(device, x);
}

/// The sum of each row of x, [N, T], as `sum` forms it, or in order in double where it is the host that sums
/// (`sum_rows_on`).
template <Device D>
void sum_rows(D& device, ConstView<Accumulator<D>, 2> x, std::span<double> sums) {
    detail::require_shape(x.extent(0) == static_cast<Index>(sums.size()), "sum_rows", [&] {
        return "x is " + detail::extents(x) + ", room for " + std::to_string(sums.size()) + " sums";
    });
    if constexpr (requires { sum_rows_on(device, x, sums); }) {
        sum_rows_on(device, x, sums);
    } else {
        for (Index i = 0; i < x.extent(0); ++i) sums[static_cast<std::size_t>(i)] = sum(device, x.at(i));
    }
}

/// Sums of the squares of blocks of `reduction_block` elements, accumulated in double; the last block may be
/// shorter. NaN and infinity propagate.
template <Device D>
std::vector<double> squares_by_block(D& device, ConstView<Accumulator<D>, 1> x) {
    std::vector<double> sums(static_cast<std::size_t>(ceil_div(x.size(), reduction_block)));
    squares_by_block_on(device, x, std::span<double>(sums));
    return sums;
}

/// Sum of the squares of all elements: of those of the blocks, from the first to the last.
template <Device D>
double sum_of_squares(D& device, ConstView<Accumulator<D>, 1> x) {
    double total = 0;
    for (const double block : squares_by_block(device, x)) total += block;
    return total;
}

}  // namespace lapidary
