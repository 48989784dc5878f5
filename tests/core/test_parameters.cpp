#include "catch.hpp"

#include <lapidary/core/parameters.hpp>
#include <lapidary/cpu/device.hpp>

#include <limits>

using namespace lapidary;

TEST_CASE("a layout counts no further than it can") {
    ParameterLayout layout;
    layout.add("a", Shape<1>{10}, Role::bias, Initializer::constant(0));
    const Index most = std::numeric_limits<Index>::max();
    const auto add = [&](auto shape) { layout.add("b", shape, Role::matrix, Initializer::normal(1)); };
    CHECK_THROWS_WITH(add(Shape<1>{most - 5}), ContainsSubstring("'b' [9223372036854775802] after 32 others"));
    CHECK_THROWS_AS(add(Shape<2>{Index{1} << 40, Index{1} << 40}), Error);
    CHECK_THROWS_AS(add(Shape<2>{-1, 4}), Error);
    CHECK(layout.leaves().size() == 1);
    CHECK(layout.size() == 32);
    add(Shape<2>{2, 3});
    CHECK(layout.size() == 64);
}

TEST_CASE("a layout knows a flat vector of another size") {
    ParameterLayout layout;
    layout.add("a", Shape<1>{10}, Role::bias, Initializer::constant(0));
    CHECK_NOTHROW(layout.check_size("here", "weights", 32));
    CHECK_THROWS_WITH(layout.check_size("here", "weights", 31),
                      "[here] weights have 31 elements, the layout has 32");
}

TEST_CASE("parameters are a view of a tensor, and of a constant one for reading alone") {
    using Vector = Tensor<float, 1, Cpu>;
    Cpu device({.threads = 1});
    Vector vector(device, {64});
    const Vector& fixed = vector;
    const Weights<float> weights = vector, same = fixed;
    const Gradients<float> gradients = vector;
    CHECK(weights.flat.data == vector.view().data);
    CHECK(same.flat.data == vector.view().data);
    CHECK(gradients.flat.data == vector.view().data);
    CHECK(gradients.flat.size() == 64);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<const Vector&, Gradients<float>>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Vector&, Weights<double>>);
}
