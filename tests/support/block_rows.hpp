#pragma once

#include <lapidary/core/range.hpp>

#include <numeric>
#include <vector>

namespace lapidary::test {

/// A matrix [rows, parts rank] of blocks.
struct Blocks {
    std::vector<Range> parts;
    Index rows, rank;

    [[nodiscard]] Shape<2> full() const { return {rows, static_cast<Index>(parts.size()) * rank}; }
    [[nodiscard]] Shape<2> compact() const {
        return {std::accumulate(parts.begin(), parts.end(), Index{0},
                                [](Index sum, const Range& part) { return sum + part.count; }),
                rank};
    }
};

/// Of every kind: whole and with gaps before, between and behind, parts of one row and of none, more parts than a
/// GPU's launch takes; ranks that fill its accesses, and that do not.
inline std::vector<Blocks> kinds_of_blocks() {
    const std::vector<Range> many{{0, 3},   {3, 1},    {5, 7},   {12, 0},  {12, 2},  {20, 4},
                                  {24, 1},  {30, 11},  {41, 5},  {46, 9},  {60, 13}, {80, 21},
                                  {101, 2}, {103, 64}, {170, 3}, {173, 1}, {174, 26}};
    return {{{{0, 5}}, 5, 3},
            {{{2, 4}}, 9, 8},
            {{{0, 96}, {96, 32}, {128, 32}}, 160, 16},
            {{{0, 300}, {300, 300}}, 600, 64},
            {{{1, 33}, {40, 7}, {48, 1}}, 50, 5},
            {{{0, 0}, {3, 2}, {5, 0}}, 7, 4},
            {many, 201, 1},
            {many, 201, 8}};
}

}  // namespace lapidary::test
