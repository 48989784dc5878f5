#include "catch.hpp"

#include <lapidary/ops/heads.hpp>

#include <limits>
#include <vector>

using namespace lapidary;

TEST_CASE("heads give out only positions and columns that are there") {
    std::vector<float> data(2 * 5 * 12);
    const View<float, 3> buffer{data.data(), {2, 5, 12}};
    const Heads<float> heads = heads_of(buffer, 4, 2, 4);
    const Index most = std::numeric_limits<Index>::max();
    CHECK(heads.first(5).shape() == Shape<4>{2, 5, 2, 4});
    CHECK(heads.slice(3, 2).row(0, 0, 0) == heads.row(0, 3, 0));
    CHECK(heads.slice(5, 0).time == 0);
    CHECK_THROWS_WITH(heads.slice(4, 2), "[heads] 2 positions from 4 on are not in [2, 5, 2, 4]");
    CHECK_THROWS_AS(heads.slice(-1, 2), Error);
    CHECK_THROWS_AS(heads.slice(2, -1), Error);
    CHECK_THROWS_AS(heads.slice(most, most), Error);
    CHECK_THROWS_AS(heads.first(6), Error);
    CHECK_THROWS_WITH(heads_of(buffer, 5, 2, 4), "[heads] 2 heads of 4 from column 5 on are not in [2, 5, 12]");
    CHECK_THROWS_AS(heads_of(buffer, 0, -1, 4), Error);
}
