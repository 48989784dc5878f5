#include "eigen_product.hpp"

#define EIGEN_DONT_PARALLELIZE
#include <lapidary/cpu/eigen.hpp>

namespace bench {

namespace {

using lapidary::Arena;
using lapidary::as_eigen;
using lapidary::Cpu;
using lapidary::Index;
using lapidary::View;

/// Calls `product(first, rows)` for two ranges of rows a thread.
template <class Product>
void share_rows(Cpu& device, Index rows, Product&& product) {
    const Index grain = lapidary::round_up(lapidary::ceil_div(rows, Index{2} * device.threads()), 48);
    device.run_ranges(rows, grain, [&](Index first, Index count, Arena&) { product(first, count); });
}

}  // namespace

void eigen_forward(Cpu& device, View<float, 2> x, View<float, 2> w, View<float, 2> y) {
    share_rows(device, y.extent(0), [&](Index first, Index rows) {
        as_eigen(y).middleRows(first, rows).noalias() =
            as_eigen(x).middleRows(first, rows) * as_eigen(w).transpose();
    });
}

void eigen_input_gradient(Cpu& device, View<float, 2> dy, View<float, 2> w, View<float, 2> dx) {
    share_rows(device, dx.extent(0), [&](Index first, Index rows) {
        as_eigen(dx).middleRows(first, rows).noalias() = as_eigen(dy).middleRows(first, rows) * as_eigen(w);
    });
}

void eigen_weight_gradient(Cpu& device, View<float, 2> dy, View<float, 2> x, View<float, 2> dw) {
    share_rows(device, dw.extent(0), [&](Index first, Index rows) {
        as_eigen(dw).middleRows(first, rows).noalias() +=
            as_eigen(dy).middleCols(first, rows).transpose() * as_eigen(x);
    });
}

}  // namespace bench
