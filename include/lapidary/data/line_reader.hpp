#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/byte_source.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

inline constexpr std::size_t default_max_line_bytes = std::size_t{32} << 20;

/// The lines of a byte stream, one at a time. Memory is bounded by the longest line allowed.
class LineReader {
public:
    /// `name`: the file's name in errors; `max_line_bytes`: the longest line, newline not counted.
    LineReader(std::unique_ptr<ByteSource> source, std::string name,
               std::size_t max_line_bytes = default_max_line_bytes)
        : source_(std::move(source)),
          name_(std::move(name)),
          limit_(max_line_bytes),
          buffer_(std::size_t{1} << 16) {}

    /// Passes over the first `bytes` of the stream, which are whole lines, `lines` of them: for going on where
    /// another reader stopped. Throws Error(format) if there are not as many.
    void skip(Index bytes, Index lines) {
        while (offset() < bytes) {
            if (position_ == end_ && !refill()) {
                throw Error(ErrorCode::format, "read_line",
                            name_ + ": ends at byte " + std::to_string(offset()) + ", expected to go on at byte " +
                                std::to_string(bytes));
            }
            position_ += std::min(end_ - position_, static_cast<std::size_t>(bytes - offset()));
        }
        number_ = lines;
    }

    /// What `read` found.
    enum class Found { line, too_long, end };

    /// Puts the next line into `line`, without its newline. A last line without a newline counts; nothing after
    /// the last newline does not. Of a line that is too long nothing is kept, and the next call goes on after it.
    Found read(std::string& line) {
        line.clear();
        bool any = false;
        bool too_long = false;
        while (position_ < end_ || refill()) {
            if (!any) ++number_;
            any = true;
            const std::string_view rest(buffer_.data() + position_, end_ - position_);
            const std::size_t newline = rest.find('\n');
            const std::string_view part = rest.substr(0, newline);
            position_ += part.size() + (newline == std::string_view::npos ? 0 : 1);
            too_long = too_long || part.size() > limit_ - line.size();
            if (!too_long) line.append(part);
            if (newline != std::string_view::npos) break;
        }
        if (too_long) line.clear();
        return too_long ? Found::too_long : any ? Found::line : Found::end;
    }

    /// Appends up to `count` bytes to `into`, whatever lines they are; false if there are none left.
    bool read_bytes(std::string& into, std::size_t count) {
        if (position_ == end_ && !refill()) return false;
        const std::size_t taken = std::min(count, end_ - position_);
        into.append(buffer_.data() + position_, taken);
        position_ += taken;
        return true;
    }

    /// `read`, but false at the end, and Error(format) naming file:line for a line that is too long.
    bool next(std::string& line) {
        const Found found = read(line);
        if (found == Found::too_long) throw Error(ErrorCode::format, "read_line", where() + ": " + too_long());
        return found == Found::line;
    }

    /// The reason in the error for a line that is too long.
    [[nodiscard]] std::string too_long() const {
        return "the line is longer than " + std::to_string(limit_) + " bytes";
    }
    /// Number of the line read last, counted from 1.
    [[nodiscard]] Index line() const { return number_; }
    /// Bytes of the stream up to the end of the line read last, its newline included.
    [[nodiscard]] Index offset() const { return received_ - static_cast<Index>(end_ - position_); }
    /// `file:line` of the line read last.
    [[nodiscard]] std::string where() const { return name_ + ":" + std::to_string(number_); }
    [[nodiscard]] const std::string& name() const { return name_; }
    /// Bytes of the underlying file taken so far, for progress.
    [[nodiscard]] std::uint64_t consumed() const { return source_->consumed(); }

private:
    bool refill() {
        position_ = 0;
        end_ = source_->read(buffer_);
        received_ += static_cast<Index>(end_);
        return end_ != 0;
    }

    std::unique_ptr<ByteSource> source_;
    std::string name_;
    std::size_t limit_;
    std::vector<char> buffer_;
    std::size_t position_ = 0;
    std::size_t end_ = 0;
    Index number_ = 0;
    Index received_ = 0;
};

}  // namespace lapidary
