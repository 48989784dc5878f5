#pragma once

#include <lapidary/ops/reduce.hpp>
#include <lapidary/reference/device.hpp>

namespace lapidary {

inline double sum_on(Reference&, ConstView<double, 1> x) {
    double total = 0;
    for (double element : x) total += element;
    return total;
}

inline void squares_by_block_on(Reference&, ConstView<double, 1> x, std::span<double> sums) {
    for (double& each : sums) each = 0;
    for (Index i = 0; i < x.size(); ++i) sums[static_cast<std::size_t>(i / reduction_block)] += x[i] * x[i];
}

}  // namespace lapidary
