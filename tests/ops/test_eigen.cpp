// Products against Eigen's, an independent implementation; and Eigen's view of our memory.

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/cpu/eigen.hpp>
#include <lapidary/ops/ops.hpp>

using namespace lapidary;
using namespace lapidary::test;

TEST_CASE("Eigen reads and writes views in place") {
    Cpu device({.threads = 1});
    const auto x = place(device, Shape<2>{2, 3}, Values{{1, 2, 3, 4, 5, 6}});
    CHECK(as_eigen(x)(1, 0) == 4.0F);
    as_eigen(x) *= 2.0F;
    CHECK(x.at(1)[2] == 12.0F);
    CHECK(as_eigen(ConstView<float, 1>(x.flat())).sum() == 42.0F);
    CHECK(as_eigen(ConstView<float, 2>(x)).rows() == 2);
}

TEST_CASE("products equal Eigen's up to rounding") {
    Cpu device({.threads = 2});
    const Index n = 130, k = 515, m = 77;
    const auto x = place(device, Shape<2>{n, k}, Values::normal(n * k, 1));
    const auto w = place(device, Shape<2>{m, k}, Values::normal(m * k, 2));
    const auto y = poisoned(device, Shape<2>{n, m}), dx = poisoned(device, Shape<2>{n, k});
    const auto dw = place(device, Shape<2>{m, k}, Values::constant(m * k, 0));
    matmul(device, x, w, y);
    matmul_input_gradient(device, y, w, dx);
    matmul_weight_gradient(device, y.reshape<3>({1, n, m}), x.reshape<3>({1, n, k}), dw);
    const auto close = [](const auto& a, const auto& b) { return (a - b).norm() < 2e-6F * b.norm(); };
    CHECK(close(as_eigen(y), (as_eigen(x) * as_eigen(w).transpose()).eval()));
    CHECK(close(as_eigen(dx), (as_eigen(y) * as_eigen(w)).eval()));
    CHECK(close(as_eigen(dw), (as_eigen(y).transpose() * as_eigen(x)).eval()));
}
