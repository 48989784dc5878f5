#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/reference.hpp>

#include <bit>
#include <cstdint>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// The definition, element by element.
template <class T>
std::vector<std::uint64_t> defined(const std::vector<T>& x, Index first, const std::vector<Index>& starts) {
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    std::vector<std::uint64_t> sums(starts.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const Index p = first + static_cast<Index>(i);
        std::size_t run = 0;
        while (run + 1 < starts.size() && starts[run + 1] <= p) ++run;
        sums[run] += std::uint64_t{std::bit_cast<Bits>(x[i])} * element_key(static_cast<std::uint64_t>(p % 1024)) *
                     digest_key(static_cast<std::uint64_t>(p / 1024));
    }
    return sums;
}

template <class T>
std::vector<T> random_elements(Index count) {
    std::vector<T> result;
    for (const double value : Values::normal(count, 5).data) result.push_back(static_cast<T>(value));
    return result;
}

template <class T>
ConstView<T, 1> view_of(const std::vector<T>& x) {
    return {x.data(), {static_cast<Index>(x.size())}};
}

}  // namespace

TEMPLATE_TEST_CASE("digests are the sums that define them", "", Cpu, Reference) {
    using T = Scalar<TestType>;
    TestType device;
    const Index size = GENERATE(0, 1, 5, 1023, 1025, 70000, 200001);
    const Index first = GENERATE(0, 7, 65536 - 3);
    const auto x = random_elements<T>(size);
    for (const std::vector<Index>& starts :
         {std::vector<Index>{0}, {0, 0, 3, 9, 9, 1024, 65536, 65543, 66000, 131072, 131072, 1 << 30}}) {
        CHECK(digests(device, view_of(x), first, starts) == defined(x, first, starts));
    }
}

TEST_CASE("digests do not depend on threads, and those of parts add up") {
    const auto x = random_elements<float>(300000);
    const std::vector<Index> starts{0, 100, 65536, 150001};
    Cpu one({.threads = 1}), three({.threads = 3});
    const auto whole = digests(one, view_of(x), 0, starts);
    CHECK(digests(three, view_of(x), 0, starts) == whole);
    const Index cut = GENERATE(1, 99, 1024, 65536, 200000);
    const auto before = digests(one, view_of(x).slice(0, cut), 0, starts);
    const auto after = digests(one, view_of(x).slice(cut, 300000 - cut), cut, starts);
    for (std::size_t run = 0; run < starts.size(); ++run) CHECK(before[run] + after[run] == whole[run]);
}

TEST_CASE("a digest changes with any bit of any element, and with their order") {
    Cpu device({.threads = 1});
    auto x = random_elements<float>(3000);
    const std::vector<Index> starts{0, 1500};
    const auto whole = digests(device, view_of(x), 0, starts);
    int unseen = 0;
    for (std::size_t i = 0; i < x.size(); i += 7) {
        for (int bit = 0; bit < 32; bit += 5) {
            const float kept = x[i];
            x[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(kept) ^ (1U << bit));
            const auto changed = digests(device, view_of(x), 0, starts);
            const std::size_t run = i >= 1500, other = 1 - run;
            unseen += changed[run] == whole[run] || changed[other] != whole[other];
            x[i] = kept;
        }
    }
    CHECK(unseen == 0);
    std::swap(x[3], x[1030]);
    CHECK(digests(device, view_of(x), 0, starts)[0] != whole[0]);
}

TEST_CASE("runs of a digest must ascend from before the vector") {
    Cpu device({.threads = 1});
    const std::vector<float> x(10);
    const auto of = [&](Index first, std::vector<Index> starts) {
        return digests(device, view_of(x), first, std::span<const Index>(starts));
    };
    CHECK_THROWS_WITH(of(0, {}), Catch::Contains("[digests]"));
    CHECK_THROWS_WITH(of(3, {4, 8}), Catch::Contains("first must begin before"));
    CHECK_THROWS_WITH(of(3, {0, 8, 5}), Catch::Contains("must ascend"));
    CHECK(of(3, {0}) == std::vector<std::uint64_t>{0});
}
