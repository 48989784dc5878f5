// Blocks of rows: what lies where, and that nothing else does.

#include "catch.hpp"
#include "support/arrays.hpp"
#include "support/block_rows.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/ops/ops.hpp>
#include <lapidary/reference.hpp>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// The matrix of compact values, and what is picked of a matrix that is full of other numbers.
template <class D>
std::vector<Values> both_ways(D& device, const Blocks& blocks) {
    const Shape<2> full = blocks.full(), compact = blocks.compact();
    const auto spread = poisoned(device, full), picked = poisoned(device, compact);
    spread_blocks(device, place(device, compact, Values::normal(element_count(compact), 1)), blocks.parts, spread);
    pick_blocks(device, place(device, full, Values::normal(element_count(full), 2)), blocks.parts, picked);
    return {read(spread), read(picked)};
}

}  // namespace

TEST_CASE("blocks lie on a diagonal") {
    Reference device;
    const std::vector<Range> parts{{0, 1}, {2, 2}};
    const auto full = poisoned(device, Shape<2>{4, 4}), compact = poisoned(device, Shape<2>{3, 2});
    spread_blocks(device, place(device, Shape<2>{3, 2}, {{1, 2, 3, 4, 5, 6}}), parts, full);
    CHECK(read(full).data == std::vector<double>{1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 5, 6});
    pick_blocks(device, full, parts, compact);
    CHECK(read(compact).data == std::vector<double>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("blocks of rows are the Reference's to the bit, on any number of threads") {
    for (const Blocks& blocks : kinds_of_blocks()) {
        INFO(blocks.parts.size() << " parts of " << blocks.rows << " rows, rank " << blocks.rank);
        Reference reference;
        const std::vector<Values> expected = both_ways(reference, blocks);
        for (const int threads : {1, 2, 4}) {
            Cpu cpu({.threads = threads});
            const std::vector<Values> results = both_ways(cpu, blocks);
            for (std::size_t i = 0; i < expected.size(); ++i) CHECK(results[i].data == expected[i].data);
        }
    }
}

TEST_CASE("large matrices of blocks are shared out over threads") {
    const Blocks blocks{{{5, 3000}, {3005, 2001}}, 5010, 40};
    const auto on = [&](int threads) {
        Cpu cpu({.threads = threads});
        return both_ways(cpu, blocks);
    };
    const std::vector<Values> one = on(1), four = on(4);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(one[i].data == four[i].data);
}

TEST_CASE("parts and extents that are not those of one matrix of blocks are refused") {
    Cpu device({.threads = 1});
    const auto refused = [&](const std::vector<Range>& parts, Shape<2> compact, Shape<2> full,
                             const std::string& text) {
        const auto small = scratch(device, compact), large = scratch(device, full);
        CHECK_THROWS_WITH(spread_blocks(device, small, parts, large),
                          ContainsSubstring("[spread_blocks] ") && ContainsSubstring(text));
        CHECK_THROWS_WITH(pick_blocks(device, large, parts, small),
                          ContainsSubstring("[pick_blocks] ") && ContainsSubstring(text));
    };
    refused({{0, 3}, {2, 3}}, {6, 2}, {8, 4},
            "a part has rows [2, 5): parts must ascend without overlap within the 8");
    refused({{3, 3}, {0, 3}}, {6, 2}, {8, 4}, "rows [0, 3)");
    refused({{0, 3}, {6, 3}}, {6, 2}, {8, 4}, "rows [6, 9)");
    refused({{-1, 3}}, {3, 2}, {8, 2}, "rows [-1, 2)");
    refused({{4, -2}}, {0, 2}, {8, 2}, "rows [4, 2)");
    refused({{0, 3}, {3, 3}}, {5, 2}, {8, 4},
            "compact is [5, 2], full is [8, 4]: 2 parts of 6 rows together take [6, 2]");
    refused({{0, 3}, {3, 3}}, {6, 2}, {8, 6}, "and 4 columns");
}
