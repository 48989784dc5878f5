#include "catch.hpp"

#include <lapidary/core/arena.hpp>
#include <lapidary/core/bf16.hpp>
#include <lapidary/core/half.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/cpu/device.hpp>

#include <atomic>
#include <cmath>
#include <limits>

using namespace lapidary;

TEST_CASE("a view knows its parts") {
    std::vector<float> data(24);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
    const View<float, 3> view{data.data(), {2, 3, 4}};
    CHECK(view.size() == 24);
    CHECK(view.at(1).at(2)[3] == 23.0F);
    CHECK(view.rows().shape == Shape<2>{6, 4});
    CHECK(view.slice(1, 1).data == data.data() + 12);
    CHECK(view.reshape<2>({4, 6}).at(1)[0] == 6.0F);
    CHECK_THROWS_WITH(view.reshape<1>({23}), "[reshape] [2, 3, 4] does not fit [23]");
}

TEST_CASE("element counts refuse negative and overflowing extents") {
    CHECK(element_count(Shape<3>{2, 0, 5}) == 0);
    CHECK(element_count(Shape<2>{3, 7}) == 21);
    CHECK_THROWS_AS(element_count(Shape<2>{-1, 0}), Error);
    CHECK_THROWS_AS(element_count(Shape<2>{Index{1} << 62, 4}), Error);
    CHECK_THROWS_AS(element_count(Shape<3>{Index{1} << 62, 4, 0}), Error);
}

TEST_CASE("the arena is a stack with marks, and says when it is full") {
    Arena arena(1 << 16);
    const auto a = arena.allocate<float, 1>({3});
    CHECK(reinterpret_cast<std::uintptr_t>(a.data) % 64 == 0);
    {
        ScratchScope scope(arena);
        arena.allocate<double, 2>({10, 10});
        CHECK(arena.used() == 64 + 832);
    }
    CHECK(arena.used() == 64);
    CHECK(arena.peak() == 64 + 832);
    CHECK_THROWS_WITH((arena.allocate<float, 1>({1 << 20})), ContainsSubstring("no room for [1048576]"));
    CHECK(arena.used() == 64);
}

TEST_CASE("a layout names parameters, aligns them and refuses a name twice") {
    ParameterLayout layout;
    const auto a = layout.add("a", Shape<2>{3, 5}, Role::matrix, Initializer::normal(0.02));
    const auto b = layout.add("b", Shape<1>{7}, Role::norm, Initializer::constant(1));
    CHECK(a.offset == 0);
    CHECK(b.offset == 32);
    CHECK(layout.size() == 64);
    CHECK(layout.parameter_count() == 22);
    CHECK(layout.leaf("b").shape == std::vector<Index>{7});
    CHECK_THROWS_AS(layout.add("a", Shape<1>{1}, Role::bias, Initializer::constant(0)), Error);
    CHECK_THROWS_WITH(layout.leaf("c"), "[layout] no parameter named 'c'");
}

TEST_CASE("tensors start at zero, move, and clone by name only") {
    Cpu device({.threads = 1});
    Tensor<float, 2, Cpu> tensor(device, {3, 4});
    for (const float value : tensor.view()) CHECK(value == 0.0F);
    tensor.view()[5] = 2.5F;
    const Tensor<float, 2, Cpu> copy = tensor.clone();
    const Tensor<float, 2, Cpu> moved = std::move(tensor);
    CHECK(copy.to_host() == moved.to_host());
    CHECK(copy.view().data != moved.view().data);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Tensor<float, 2, Cpu>>);
}

TEST_CASE("bf16 keeps NaN and infinity and rounds to nearest even") {
    CHECK(std::isnan(static_cast<float>(bf16(NAN))));
    CHECK(static_cast<float>(bf16(-INFINITY)) == -INFINITY);
    CHECK(static_cast<float>(bf16(3.4e38F)) == INFINITY);
    CHECK(bf16(1.0F).bits == 0x3f80);
    CHECK(bf16(1.00390625F).bits == 0x3f80);
    CHECK(bf16(1.01171875F).bits == 0x3f82);
}

TEST_CASE("half reads every kind of number") {
    CHECK(static_cast<float>(half{0x3c00}) == 1.0F);
    CHECK(static_cast<float>(half{0xc000}) == -2.0F);
    CHECK(static_cast<float>(half{0x7bff}) == 65504.0F);
    CHECK(static_cast<float>(half{0x0001}) == std::ldexp(1.0F, -24));
    CHECK(static_cast<float>(half{0x03ff}) == std::ldexp(1023.0F, -24));
    CHECK(static_cast<float>(half{0xfc00}) == -INFINITY);
    CHECK(std::isnan(static_cast<float>(half{0x7e00})));
}

TEST_CASE("every task runs once, whatever the number of threads") {
    for (const int threads : {1, 2, 3, 7}) {
        ThreadPool pool(threads);
        for (const Index count : {0, 1, 2, 5, 1000}) {
            std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
            pool.run(count, [&](Index i, Arena&) { ++calls[static_cast<std::size_t>(i)]; });
            for (const auto& call : calls) CHECK(call == 1);
        }
    }
    CHECK_THROWS_AS(ThreadPool(0), Error);
}
