#include "catch.hpp"

#include <lapidary/analysis/correlation.hpp>

#include <cmath>
#include <vector>

using namespace lapidary;

TEST_CASE("Pearson's correlation of examples by hand", "[correlation]") {
    const std::vector<double> x{1, 2, 3, 4}, y{2, 1, 4, 3}, line{-3, -5, -7, -9};
    CHECK(pearson(x, x).value() == 1);
    CHECK(pearson(x, y).value() == Approx(0.6));  // deviations: sums 5, 5 and 3
    CHECK(pearson(x, line).value() == Approx(-1));
    CHECK(pearson(y, x) == pearson(x, y));
    // Phi of two sets of 8, 3 and 4 large, 2 in common: (8 * 2 - 3 * 4) / sqrt(3 * 5 * 4 * 4).
    const std::vector<double> a{1, 1, 1, 0, 0, 0, 0, 0}, b{1, 1, 0, 1, 1, 0, 0, 0};
    CHECK(pearson(a, b).value() == Approx(4 / std::sqrt(240.0)));
    CHECK(pearson(a, b).value() <= 1);
}

TEST_CASE("where nothing varies there is no correlation", "[correlation]") {
    const std::vector<double> flat(10, 0.1), x{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, none;
    CHECK_FALSE(pearson(flat, x).has_value());  // though a mean of tenths is not quite a tenth
    CHECK_FALSE(pearson(x, flat).has_value());
    CHECK_FALSE(pearson(flat, flat).has_value());
    CHECK_FALSE(pearson(none, none).has_value());
    CHECK_FALSE(pearson(std::vector<double>{1}, std::vector<double>{2}).has_value());
    CHECK_THROWS_WITH(pearson(x, none), ContainsSubstring("10 values beside 0"));
}

TEST_CASE("a matrix holds the correlation of each with each", "[correlation]") {
    const std::vector<std::vector<double>> series{{1, 2, 3, 4}, {2, 1, 4, 3}, {7, 7, 7, 7}, {4, 3, 2, 1}};
    const auto matrix = correlation_matrix(series);
    REQUIRE(matrix.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE(matrix[i].size() == 4);
        for (std::size_t j = 0; j < 4; ++j) {
            CHECK(matrix[i][j].has_value() == (i != 2 && j != 2));
            CHECK(matrix[i][j] == pearson(series[i], series[j]));
        }
    }
    CHECK(correlation_matrix({}).empty());
}
