#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// Elements per partial sum of `sum` and `sum_of_squares` on the fast devices: each partial sum is formed in one
/// fixed order, and they are added from the first to the last.
inline constexpr Index reduction_block = 16384;

/// Sum of all elements, accumulated in double.
template <Device D>
double sum(D& device, ConstView<Scalar<D>, 1> x) {
    return sum_on(device, x);
}

/// Sum of the squares of all elements, accumulated in double. NaN and infinity propagate.
template <Device D>
double sum_of_squares(D& device, ConstView<Scalar<D>, 1> x) {
    return sum_of_squares_on(device, x);
}

}  // namespace lapidary
