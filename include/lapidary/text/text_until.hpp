#pragma once

#include <lapidary/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// A text that comes in pieces, up to the first of some marks. A piece is given out as soon as it is certain that
/// no mark begins in it: of what is given out nothing is ever part of a mark, however the pieces cut it.
class TextUntil {
public:
    /// Throws Error(value) for an empty mark.
    explicit TextUntil(std::vector<std::string> marks) : marks_(std::move(marks)) {
        for (const std::string& mark : marks_) {
            if (mark.empty()) throw Error(ErrorCode::value, "text_until", "a mark without text");
        }
    }

    /// What is settled by one more piece; nothing after a mark.
    std::string add(std::string_view piece) {
        if (ended_) return {};
        held_ += piece;
        std::size_t begin = std::string::npos;
        for (const std::string& mark : marks_) begin = std::min(begin, held_.find(mark));
        ended_ = begin != std::string::npos;
        const std::size_t settled = ended_ ? begin : held_.size() - unsettled();
        std::string text = held_.substr(0, settled);
        held_.erase(0, ended_ ? std::string::npos : settled);
        return text;
    }
    /// The rest, at the end of a text in which no mark came.
    std::string finish() { return std::exchange(held_, {}); }
    /// A mark came.
    [[nodiscard]] bool ended() const { return ended_; }

private:
    /// How many bytes at the end may be the beginning of a mark.
    [[nodiscard]] std::size_t unsettled() const {
        std::size_t most = 0;
        for (const std::string_view mark : marks_) {
            std::size_t count = std::min(mark.size() - 1, held_.size());
            while (count > most && !held_.ends_with(mark.substr(0, count))) --count;
            most = std::max(most, count);
        }
        return most;
    }

    std::vector<std::string> marks_;
    std::string held_;  // not given out yet
    bool ended_ = false;
};

}  // namespace lapidary
