#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/core/bf16.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/ops/ops.hpp>
#include <lapidary/reference.hpp>

#include <cmath>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// `values` cast to To and read back as double.
template <class To, class D, class From>
std::vector<double> cast_to(D& device, const std::vector<From>& values) {
    const auto count = static_cast<Index>(values.size());
    std::vector<To> result(values.size());
    cast(device, View<const From, 1>{values.data(), {count}}, View<To, 1>{result.data(), {count}});
    return read(View<To, 1>{result.data(), {count}}).data;
}

}  // namespace

TEMPLATE_TEST_CASE("casts round once, to nearest even", "", Cpu, Reference) {
    TestType device;
    const double third = 1.0 / 3, tie = 1.00390625;  // half way between the bf16 numbers 1 and 1.0078125
    CHECK(cast_to<double>(device, std::vector{third}) == std::vector{third});
    CHECK(cast_to<float>(device, std::vector{third}) == std::vector{static_cast<double>(1.0F / 3)});
    CHECK(cast_to<double>(device, std::vector{0.1F}) == std::vector{static_cast<double>(0.1F)});
    CHECK(cast_to<bf16>(device, std::vector{tie, tie + 0x1p-40, -tie - 0x1p-40}) ==
          std::vector{1.0, 1.0078125, -1.0078125});
    CHECK(cast_to<bf16>(device, std::vector{1.00390625F, 1.01171875F}) == std::vector{1.0, 1.015625});
    const std::vector narrow{bf16(0.5F), bf16(-3.0F)};
    CHECK(cast_to<float>(device, narrow) == std::vector{0.5, -3.0});
    CHECK(cast_to<double>(device, narrow) == std::vector{0.5, -3.0});
    CHECK(cast_to<bf16>(device, narrow) == std::vector{0.5, -3.0});
}

TEST_CASE("a cast to bf16 and back is close, at any length") {
    Cpu device({.threads = 2});
    const Index n = GENERATE(1, 17, 70001);
    const auto x = place(device, Shape<1>{n}, Values::normal(n, 9));
    std::vector<bf16> narrow(static_cast<std::size_t>(n));
    const View<bf16, 1> narrow_view{narrow.data(), {n}};
    const auto back = poisoned(device, Shape<1>{n});
    cast(device, x, narrow_view);
    cast(device, narrow_view, back);
    CHECK(relative_error(read(back), read(x)) < 4e-3);
}
