#pragma once

#include <lapidary/core/shape.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

/// One line on stderr that shows how far a program is: `train [#####-----]  50% 0:31 left | loss 3.1`.
///
/// Silent unless stderr is a terminal; drawn at most ten times a second; the line is erased in the end.
class Progress {
public:
    Progress(std::string label, lapidary::Index total)
        : label_(std::move(label)), total_(total), visible_(::isatty(STDERR_FILENO) == 1) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { finish(); }

    /// `done` of `total` is done; `note` stands at the end of the line.
    void update(lapidary::Index done, std::string_view note = {}) {
        if (first_ < 0) first_ = done;  // a resumed run starts in the middle
        const auto now = Clock::now();
        if (!visible_ || (now - drawn_ < std::chrono::milliseconds(100) && done < total_)) return;
        drawn_ = now;
        const double share =
            total_ > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0) : 1.0;
        constexpr int width = 24;
        const int filled = static_cast<int>(share * width);
        std::string line = "\r" + label_ + " [" + std::string(static_cast<std::size_t>(filled), '#') +
                           std::string(static_cast<std::size_t>(width - filled), '-') + "] " +
                           std::to_string(static_cast<int>(share * 100.0)) + "% ";
        const double seconds = elapsed();
        if (done > first_ && done < total_ && seconds > 1.0) {
            const double left = seconds * static_cast<double>(total_ - done) / static_cast<double>(done - first_);
            line += time(left) + " left ";
        }
        if (!note.empty()) line += "| " + std::string(note);
        std::fputs((line + "\x1b[K").c_str(), stderr);
        shown_ = true;
    }

    /// What library functions call with what is done and what there is, where that is known only then.
    [[nodiscard]] auto follower() {
        return [this](lapidary::Index done, lapidary::Index total) {
            total_ = total;
            update(done);
        };
    }

    /// Seconds since construction.
    [[nodiscard]] double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

    /// Erases the line, for example before something else is printed.
    void finish() {
        if (shown_) std::fputs("\r\x1b[K", stderr);
        shown_ = false;
    }

    /// `1:02:03` or `2:03`.
    static std::string time(double seconds) {
        const auto all = static_cast<long>(std::min(seconds, 3.6e8));
        const auto two = [](long value) { return (value < 10 ? "0" : "") + std::to_string(value); };
        const long hours = all / 3600;
        const long minutes = all / 60 % 60;
        return (hours > 0 ? std::to_string(hours) + ":" + two(minutes) : std::to_string(minutes)) + ":" +
               two(all % 60);
    }

private:
    using Clock = std::chrono::steady_clock;

    std::string label_;
    lapidary::Index total_;
    bool visible_;
    bool shown_ = false;
    lapidary::Index first_ = -1;
    Clock::time_point start_ = Clock::now();
    Clock::time_point drawn_{};
};
