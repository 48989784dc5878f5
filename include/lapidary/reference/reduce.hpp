#pragma once

#include <lapidary/ops/reduce.hpp>
#include <lapidary/reference/device.hpp>

namespace lapidary {

inline double sum_on(Reference&, ConstView<double, 1> x) {
    double total = 0;
    for (double element : x) total += element;
    return total;
}

inline double sum_of_squares_on(Reference&, ConstView<double, 1> x) {
    double total = 0;
    for (double element : x) total += element * element;
    return total;
}

}  // namespace lapidary
