// muP: activations do not depend on the width, after training steps either; without it they do.
// bench_coordinate_check prints the table.

#include "../../bench/coordinate_check.hpp"
#include "catch.hpp"

#include <algorithm>

TEST_CASE("activations stay flat over widths with muP, and grow without") {
    using namespace coordinate_check;
    Cpu device({.threads = 2});
    const auto growth = [&](bool mup) {
        const auto narrow = activations(device, config(64, 2, mup), 6, 0.01);
        const auto wide = activations(device, config(256, 2, mup), 6, 0.01);
        std::vector<double> ratios;
        for (std::size_t i = 0; i < narrow.size(); ++i) ratios.push_back(wide[i] / narrow[i]);
        return ratios;
    };
    for (const double ratio : growth(true)) {
        CHECK(ratio > 0.75);
        CHECK(ratio < 1.3);
    }
    const std::vector<double> without = growth(false);
    CHECK(*std::max_element(without.begin(), without.end()) > 2.5);
}
