#pragma once

#include <lapidary/comm/communicator.hpp>
#include <lapidary/core/error.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary::detail {

/// Throws Error(value) unless it is a time that one could wait.
inline void require_timeout(std::string_view operation, double seconds) {
    if (seconds > 0 && seconds <= 1e7) return;
    throw Error(ErrorCode::value, operation,
                "the timeout is " + std::to_string(seconds) + " s: it must be in (0, 1e7]");
}

/// How long a rank has waited, looking now and then: time in which this process itself did not run, because
/// somebody suspended it, is not held against the others.
class Patience {
public:
    explicit Patience(double seconds) : left_(seconds) {}

    /// Seconds until one should look again.
    [[nodiscard]] double slice() const { return left_ < 1 ? left_ : 1; }
    [[nodiscard]] double waited() const { return waited_; }
    /// Counts the time since the last look.
    bool over() {
        const auto now = std::chrono::steady_clock::now();
        const double passed = std::chrono::duration<double>(now - last_).count();
        last_ = now;
        const double counted = passed < 1.5 ? passed : 1;
        waited_ += counted;
        left_ -= counted;
        return left_ <= 0;
    }

private:
    double left_;
    double waited_ = 0;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

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
