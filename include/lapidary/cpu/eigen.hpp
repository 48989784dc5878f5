#pragma once

#include <lapidary/core/view.hpp>

#include <Eigen/Core>

#ifdef __CUDACC__
#error "Eigen must be compiled by the host compiler: nvcc switches its vectorisation off"
#endif

namespace lapidary {

/// Host memory of the library as Eigen sees it, without a copy: a view [R, C] is a row-major matrix. Opt-in: needs
/// Eigen 3.4 (CMake target `lapidary::eigen`). What Eigen computes may depend on its version and on the machine;
/// the library's own operations do not use it.
template <class T>
Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> as_eigen(View<T, 2> x) {
    return {x.data, x.extent(0), x.extent(1)};
}
template <class T>
Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> as_eigen(View<const T, 2> x) {
    return {x.data, x.extent(0), x.extent(1)};
}

/// A view [N] is a column vector.
template <class T>
Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, 1>> as_eigen(View<T, 1> x) {
    return {x.data, x.extent(0)};
}
template <class T>
Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>> as_eigen(View<const T, 1> x) {
    return {x.data, x.extent(0)};
}

}  // namespace lapidary
