#include "catch.hpp"

#include <lapidary/data/held_out.hpp>

#include <set>
#include <vector>

using namespace lapidary;

TEST_CASE("held-out and training windows divide a source", "[held_out]") {
    for (const Index windows : {0, 1, 2, 17, 1000}) {
        for (const Index count : {Index{0}, Index{1}, windows / 3, windows - 1, windows}) {
            if (count < 0 || count > windows) continue;
            CAPTURE(windows, count);
            const HeldOutWindows held_out(windows, count, 11111, 3);
            CHECK(held_out.training() == windows - count);
            REQUIRE(held_out.windows().size() == static_cast<std::size_t>(count));
            std::set<Index> all(held_out.windows().begin(), held_out.windows().end());
            bool ascending = true;
            Index last = -1;
            for (Index i = 0; i < held_out.training(); ++i) {
                const Index window = held_out.training(i);
                ascending = ascending && window > last && all.insert(window).second;
                last = window;
            }
            CHECK(ascending);
            CHECK(all.size() == static_cast<std::size_t>(windows));
            if (windows > 0) {
                CHECK(*all.begin() == 0);
                CHECK(*all.rbegin() == windows - 1);
            }
        }
    }
}

TEST_CASE("seed and source draw the held-out windows", "[held_out]") {
    const auto drawn = [](std::uint64_t seed, std::uint64_t source) {
        return HeldOutWindows(10000, 100, seed, source).windows();
    };
    CHECK(drawn(1, 0) == drawn(1, 0));
    CHECK(drawn(1, 0) != drawn(2, 0));
    CHECK(drawn(1, 0) != drawn(1, 1));
    // From everywhere: 100 of 10000, so about 10 in every tenth.
    for (Index tenth = 0; tenth < 10; ++tenth) {
        int count = 0;
        for (const Index window : drawn(1, 0)) count += window / 1000 == tenth ? 1 : 0;
        CHECK(count > 1);
        CHECK(count < 25);
    }
    CHECK_THROWS_AS(HeldOutWindows(5, 6, 1, 0), Error);
}
