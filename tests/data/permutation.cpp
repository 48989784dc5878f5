#include "catch.hpp"

#include <lapidary/data/permutation.hpp>

#include <vector>

using namespace lapidary;

namespace {

bool is_bijection(const Permutation& order) {
    std::vector<char> seen(static_cast<std::size_t>(order.size()));
    for (Index i = 0; i < order.size(); ++i) {
        const Index item = order(i);
        if (item < 0 || item >= order.size() || seen[static_cast<std::size_t>(item)]++ != 0) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("a permutation of any size visits every item once", "[permutation]") {
    bool all = true;
    for (Index n = 0; n <= 2000; ++n)
        all = all && is_bijection(Permutation(n, 11111, static_cast<std::uint64_t>(n)));
    CHECK(all);
    for (Index n : {4095, 4096, 4097, 65536, 99991, 300000}) CHECK(is_bijection(Permutation(n, 3, 4)));
}

TEST_CASE("every item is found at its position", "[permutation]") {
    bool all = true;
    for (Index n = 1; n <= 600; ++n) {
        const Permutation order(n, 11111, static_cast<std::uint64_t>(n));
        for (Index i = 0; i < n; ++i) all = all && order.position(order(i)) == i;
    }
    CHECK(all);
    const Index n = (Index{1} << 61) + 12345;
    const Permutation order(n, 1, 2);
    for (Index i : {Index{0}, Index{1}, n / 3, n - 1}) CHECK(order.position(order(i)) == i);
}

TEST_CASE("sizes beyond memory work", "[permutation]") {
    const Index n = (Index{1} << 61) + 12345;
    const Permutation order(n, 1, 2);
    CHECK(order(0) != order(n - 1));
    CHECK(order(n - 1) < n);
    for (Index i : {Index{0}, n / 3, n - 1}) CHECK(order.position(order(i)) == i);
}

TEST_CASE("a permutation tells the position of an item", "[permutation]") {
    bool all = true;
    for (Index n = 0; n <= 500; ++n) {
        const Permutation order(n, 11111, static_cast<std::uint64_t>(n));
        for (Index i = 0; i < n; ++i) all = all && order.position(order(i)) == i && order(order.position(i)) == i;
    }
    CHECK(all);
    CHECK_THROWS_AS(Permutation(5, 0, 0).position(5), Error);
    CHECK_THROWS_AS(Permutation(5, 0, 0).position(-1), Error);
}

TEST_CASE("purposes have permutations of their own", "[permutation]") {
    const Permutation order(1000, 11111, 7);
    const Permutation other(1000, 11111, 7, "mix");
    int equal = 0;
    for (Index i = 0; i < 1000; ++i) equal += order(i) == other(i) ? 1 : 0;
    CHECK(equal < 10);
}

TEST_CASE("seed and item choose the permutation", "[permutation]") {
    const auto equal_places = [](const Permutation& a, const Permutation& b) {
        int equal = 0;
        for (Index i = 0; i < a.size(); ++i) equal += a(i) == b(i) ? 1 : 0;
        return equal;
    };
    const Permutation order(1000, 11111, 0);
    CHECK(equal_places(order, Permutation(1000, 11111, 0)) == 1000);
    CHECK(equal_places(order, Permutation(1000, 11111, 1)) < 10);
    CHECK(equal_places(order, Permutation(1000, 11112, 0)) < 10);
}

TEST_CASE("every item is as likely at every position", "[permutation]") {
    // 20000 draws of 10 items: each cell of the table expects 2000, deviation 42.
    std::vector<int> table(100);
    for (std::uint64_t item = 0; item < 20000; ++item) {
        const Permutation order(10, 5, item);
        for (Index i = 0; i < 10; ++i) ++table[static_cast<std::size_t>(10 * i + order(i))];
    }
    for (int count : table) CHECK(std::abs(count - 2000) < 220);
}

TEST_CASE("the order of published runs stays what it was", "[permutation]") {
    const Permutation order(1000, 11111, 7);
    const std::vector<Index> expected{242, 228, 590, 617, 663, 230, 101, 581, 394, 609};
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(order(static_cast<Index>(i)) == expected[i]);
}

TEST_CASE("positions outside are refused", "[permutation]") {
    CHECK_THROWS_AS(Permutation(5, 0, 0)(5), Error);
    CHECK_THROWS_AS(Permutation(5, 0, 0)(-1), Error);
    CHECK_THROWS_AS(Permutation(0, 0, 0)(0), Error);
    CHECK_THROWS_WITH(Permutation(5, 0, 0).position(5), ContainsSubstring("item 5 of 5 items"));
    CHECK_THROWS_AS(Permutation(5, 0, 0).position(-1), Error);
    CHECK_THROWS_AS(Permutation(-1, 0, 0), Error);
}
