#include "eigen_product.hpp"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

namespace bench {

namespace {

using lapidary::Arena;
using lapidary::Cpu;
using lapidary::Index;
using lapidary::View;
using Matrix = Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

Matrix map(View<float, 2> x) { return {x.data, x.extent(0), x.extent(1)}; }

/// Calls `product(first, rows)` for two ranges of rows a thread.
template <class Product>
void share_rows(Cpu& device, Index rows, Product&& product) {
    const Index grain = lapidary::round_up(lapidary::ceil_div(rows, Index{2} * device.threads()), 48);
    device.run_ranges(rows, grain, [&](Index first, Index count, Arena&) { product(first, count); });
}

}  // namespace

void eigen_forward(Cpu& device, View<float, 2> x, View<float, 2> w, View<float, 2> y) {
    share_rows(device, y.extent(0), [&](Index first, Index rows) {
        map(y).middleRows(first, rows).noalias() = map(x).middleRows(first, rows) * map(w).transpose();
    });
}

void eigen_input_gradient(Cpu& device, View<float, 2> dy, View<float, 2> w, View<float, 2> dx) {
    share_rows(device, dx.extent(0), [&](Index first, Index rows) {
        map(dx).middleRows(first, rows).noalias() = map(dy).middleRows(first, rows) * map(w);
    });
}

void eigen_weight_gradient(Cpu& device, View<float, 2> dy, View<float, 2> x, View<float, 2> dw) {
    share_rows(device, dw.extent(0), [&](Index first, Index rows) {
        map(dw).middleRows(first, rows).noalias() += map(dy).middleCols(first, rows).transpose() * map(x);
    });
}

}  // namespace bench
