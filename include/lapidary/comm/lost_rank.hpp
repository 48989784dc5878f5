#pragma once

#include <lapidary/comm/communicator.hpp>
#include <lapidary/core/error.hpp>

#include <cstdio>
#include <string>
#include <vector>

namespace lapidary::detail {

inline std::string list_ranks(const std::vector<int>& ranks) {
    std::string text = ranks.size() == 1 ? "rank " : "ranks ";
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        text += (i == 0 ? "" : i + 1 == ranks.size() ? " and " : ", ") + std::to_string(ranks[i]);
    }
    return text;
}

/// What is said, by all communicators, of ranks that did not answer.
inline std::string no_answer(const std::vector<int>& ranks, double seconds) {
    char time[32];
    std::snprintf(time, sizeof time, "%.4g", seconds);
    return list_ranks(ranks) + " did not answer within " + time +
           " s: ended, hung, or slower than that, in which case a longer timeout helps";
}

}  // namespace lapidary::detail
