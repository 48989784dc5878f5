#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

#include <type_traits>

namespace lapidary {

/// Elements per partial sum of `sum` and `sum_of_squares`: partial sums are formed in a fixed order and added in
/// order, whatever the number of threads.
inline constexpr Index reduction_block = 16384;

/// Sum of all elements, accumulated in double.
template <Device D>
double sum(D& device, std::type_identity_t<ConstView<Scalar<D>, 1>> x) {
    return sum_on(device, x);
}

/// Sum of the squares of all elements, accumulated in double. NaN and infinity propagate.
template <Device D>
double sum_of_squares(D& device, std::type_identity_t<ConstView<Scalar<D>, 1>> x) {
    return sum_of_squares_on(device, x);
}

}  // namespace lapidary
