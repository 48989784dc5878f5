#include "catch.hpp"

#include <lapidary/core/arena.hpp>
#include <lapidary/core/bf16.hpp>
#include <lapidary/core/half.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/cpu/device.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

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

TEST_CASE("byte counts refuse what they cannot hold") {
    CHECK(byte_count<double>(Shape<2>{3, 7}) == 168);
    CHECK(byte_count<std::int32_t>(Shape<2>{0, Index{1} << 62}) == 0);
    // 2^61 doubles are 2^64 bytes: 0 if the product wrapped.
    CHECK_THROWS_WITH(byte_count<double>(Shape<2>{Index{1} << 31, Index{1} << 30}),
                      ContainsSubstring("too many bytes"));
    Arena arena(1 << 16);
    CHECK_THROWS_AS((arena.allocate<double, 1>({Index{1} << 61})), Error);
    CHECK_THROWS_AS((arena.allocate<float, 1>({std::numeric_limits<Index>::max() / 4})), Error);
    CHECK(arena.used() == 0);
    Cpu device({.threads = 1});
    CHECK_THROWS_AS((Tensor<double, 1, Cpu>(device, {Index{1} << 61})), Error);
    CHECK_THROWS_AS((Tensor<double, 1, Cpu>(device, {Index{1} << 59})), Error);
    CHECK_THROWS_AS((Tensor<double, 1, Cpu>(device, {-1})), Error);
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

TEST_CASE("an arena over another's memory divides it up and leaves it alone") {
    alignas(64) static std::byte memory[256];
    {
        Arena arena(memory, sizeof memory, "gpu_bytes");
        CHECK(arena.capacity() == 256);
        CHECK(static_cast<void*>(arena.allocate<float, 1>({3}).data) == memory);
        CHECK(static_cast<void*>(arena.allocate<double, 1>({24}).data) == memory + 64);
        CHECK_THROWS_WITH((arena.allocate<char, 1>({1})), ContainsSubstring("256 of 256 bytes are in use; raise "
                                                                            "gpu_bytes"));
    }
    memory[0] = std::byte{1};  // it is still there
    CHECK_THROWS_WITH((Arena(nullptr, 0, "gpu_bytes").allocate<char, 1>({1})), ContainsSubstring("no room"));
}

TEST_CASE("a full arena says how much was needed and which option to raise") {
    Cpu device({.threads = 1, .scratch_bytes = 1 << 16, .thread_scratch_bytes = 1 << 12});
    scratch(device, Shape<1>{16});
    CHECK_THROWS_WITH(
        scratch(device, Shape<2>{1000, 1000}),
        "[arena] no room for [1000, 1000], 4000000 bytes: 64 of 65536 bytes are in use; raise scratch_bytes");
    CHECK_THROWS_WITH(device.run(1, [](Index, Arena& arena) { arena.allocate<float, 1>({4096}); }),
                      ContainsSubstring("raise thread_scratch_bytes"));
    CHECK_THROWS_WITH(Arena(std::size_t{1} << 60), ContainsSubstring("cannot reserve 1152921504606846976 bytes"));
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

TEST_CASE("bf16 rounds a double once") {
    // Just over half way to the next bf16; through float it would be exactly half way, and go to the even
    // neighbour.
    CHECK(bf16(1.00390625 + 0x1p-40).bits == 0x3f81);
    CHECK(bf16(-1.00390625 - 0x1p-40).bits == 0xbf81);
    CHECK(bf16(1.01171875 - 0x1p-40).bits == 0x3f81);
    CHECK(bf16(1.00390625).bits == 0x3f80);
    CHECK(bf16(1e300).bits == 0x7f80);
    CHECK(bf16(-1e-300).bits == 0x8000);
    CHECK(static_cast<double>(bf16(-static_cast<double>(INFINITY))) == -INFINITY);
    CHECK(std::isnan(static_cast<double>(bf16(static_cast<double>(NAN)))));
    for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
        const bf16 x = bf16::from_bits(static_cast<std::uint16_t>(bits));
        CHECK_FALSE(bf16(static_cast<double>(x)).bits != bits);
    }
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
