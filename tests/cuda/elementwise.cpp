// Operations that treat elements one by one, on a GPU or its stand-in.

#include "support.hpp"

#include <lapidary/cuda/elementwise.cuh>

#include <cmath>
#include <cstdint>
#include <limits>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// Elements that begin at a multiple of 16 bytes, or beside one.
template <class View>
View beside(View view, Index skip) {
    return view.slice(skip, view.extent(0) - skip);
}

}  // namespace

TEMPLATE_TEST_CASE("elementwise operations on a GPU", "", float, bf16) {
    const Index count = GENERATE(0, 1, 7, 8, 300, 2048, 4096, 9001), skip = GENERATE(0, 1);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const auto array = [&](std::uint64_t item) {
            return beside(place(device, Shape<1>{count + skip}, normal(count + skip, item)), skip);
        };
        const auto x = array(1), y = array(2), copied = array(3), sum = array(4), twice = array(5),
                   scaled = array(6), filled = array(7), zeros = array(8);
        copy(device, x, copied);
        add(device, x, y, sum);
        copy(device, x, twice);
        add(device, twice, twice, twice);
        copy(device, x, scaled);
        scale(device, scaled, 0.3125);
        fill(device, filled, -1.5);
        fill(device, zeros, 0);
        return std::vector{read(copied), read(sum), read(twice), read(scaled), read(filled), read(zeros)};
    });
}

TEMPLATE_TEST_CASE("elementwise operations on a GPU's accumulators", "", float, bf16) {
    const Index count = GENERATE(3, 1028, 5001);
    compare_gpu<TestType>([&](auto& device, auto) {
        const auto x = place_accumulators(device, Shape<1>{count}, Values::normal(count, 1));
        const auto y = poisoned_accumulators(device, Shape<1>{count}),
                   z = poisoned_accumulators(device, Shape<1>{count});
        copy(device, x, y);
        fill(device, z, 2);
        add(device, z, x, z);
        return std::vector{read(y), read(z)};
    });
}

TEMPLATE_TEST_CASE("clamp on a GPU", "", float, bf16) {
    const Index count = GENERATE(1, 16, 1025, 5000);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const auto x = place(device, Shape<1>{count}, normal(count, 1, 2.0));
        const auto d = place(device, Shape<1>{count}, normal(count, 2));
        clamp(device, x, 1.5);
        clamp_gradient(device, x, 1.5, d);
        return std::vector{read(x), read(d)};
    });
    auto&& gpu = fresh_gpu<TestType>();
    const auto x = poisoned(gpu, Shape<1>{count}), d = place(gpu, Shape<1>{count}, Values::constant(count, 3));
    clamp(gpu, x, 1);
    clamp_gradient(gpu, x, 1, d);
    for (const double value : read(x).data) REQUIRE(std::isnan(value));
    CHECK(read(d).data == Values::constant(count, 3).data);
}

TEMPLATE_TEST_CASE("casts on a GPU round once, to nearest even", "", (std::pair<float, bf16>),
                   (std::pair<bf16, float>), (std::pair<float, float>), (std::pair<bf16, bf16>)) {
    using From = typename TestType::first_type;
    using To = typename TestType::second_type;
    const Index count = GENERATE(1, 8, 4099), skip = GENERATE(0, 1);
    auto&& gpu = fresh_gpu<bf16>();
    const auto x = beside(gpu.scratch().template allocate<From>(Shape<1>{count + skip}), skip);
    const auto y = gpu.scratch().template allocate<To>(Shape<1>{count});
    const Values values = Values::normal(count, 1);
    assign(gpu, x, values);
    cast(gpu, x, y);
    Values expected;
    for (const double value : values.data) {
        expected.data.push_back(static_cast<double>(static_cast<To>(static_cast<From>(value))));
    }
    CHECK(read(y).data == expected.data);
}

TEMPLATE_TEST_CASE("copies of heads on a GPU", "", float, bf16) {
    const Index size = GENERATE(1, 16, 20, 64), heads = GENERATE(1, 5), gap = GENERATE(0, 3);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Index columns = 3 * heads * size + gap, kept = heads * size;
        const auto buffer = place(device, Shape<3>{2, 3, columns}, normal(6 * columns, 1));
        const auto cache = place(device, Shape<3>{2, 7, kept}, normal(14 * kept, 2));
        copy_heads(device, heads_of(buffer, heads * size, heads, size),
                   heads_of(cache, 0, heads, size).slice(2, 3));
        return std::vector{read(cache)};
    });
}
