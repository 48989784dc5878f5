#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/line_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// The records of a file of JSON, one at a time: the elements of an array, if it begins with one, else its lines,
/// those of nothing but white space passed over. Memory is bounded by the longest record allowed.
///
/// An array's elements are found by their brackets and quotes alone; whether one is JSON is for the parser to say.
/// What lies between them must be right: after a mistake there nothing can be trusted.
class JsonRecords {
public:
    /// `name`: the file's name in errors; `max_record_bytes`: the longest record.
    JsonRecords(std::unique_ptr<ByteSource> source, std::string name,
                std::size_t max_record_bytes = default_max_line_bytes)
        : source_(std::move(source)),
          name_(std::move(name)),
          limit_(max_record_bytes),
          buffer_(std::size_t{1} << 16) {}

    /// What `read` found.
    enum class Found { record, too_long, end };

    /// Puts the text of the next record into `text`. Of one that is too long nothing is kept, and the next call
    /// goes on behind it. Throws Error(format) naming file:line where an array is damaged or cut off.
    Found read(std::string& text) {
        text.clear();
        if (layout_ == Layout::unknown) {
            const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(buffer_[position_ + i]); };
            if (more() && end_ - position_ >= 3 && byte(0) == 0xEF && byte(1) == 0xBB && byte(2) == 0xBF) {
                position_ += 3;  // a byte order mark
            }
            const bool array = skip_space() && peek() == '[';
            if (array) take();
            layout_ = array ? Layout::array : Layout::lines;
        }
        if (layout_ == Layout::ended) return Found::end;
        return layout_ == Layout::array ? read_element(text) : read_line(text);
    }

    /// `file:line (record n)` of the record read last: the line where it begins, both counted from 1.
    [[nodiscard]] std::string where() const {
        return name_ + ":" + std::to_string(begin_) + " (record " + std::to_string(number_) + ")";
    }
    /// The reason in an error for a record that is too long.
    [[nodiscard]] std::string too_long() const {
        return "the record is longer than " + std::to_string(limit_) + " bytes";
    }
    /// Bytes of the underlying file taken so far, for progress.
    [[nodiscard]] std::uint64_t consumed() const { return source_->consumed(); }

private:
    enum class Layout { unknown, lines, array, ended };

    static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
    bool more() {
        if (position_ < end_) return true;
        position_ = 0;
        end_ = source_->read(buffer_);
        return end_ != 0;
    }
    [[nodiscard]] char peek() const { return buffer_[position_]; }
    char take() {
        const char c = buffer_[position_++];
        line_ += c == '\n' ? 1 : 0;
        return c;
    }
    /// False at the end of the file.
    bool skip_space() {
        while (more() && is_space(peek())) take();
        return position_ < end_;
    }
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ErrorCode::format, "records",
                    name_ + ":" + std::to_string(line_) + ": " + why + ", behind " + std::to_string(number_) +
                        " records of the array");
    }

    Found read_line(std::string& text) {
        if (!skip_space()) {
            layout_ = Layout::ended;
            return Found::end;
        }
        begin_ = line_;
        ++number_;
        bool fits = true;
        while (more()) {
            const char c = take();
            if (c == '\n') break;
            fits = fits && text.size() < limit_;
            if (fits) text += c;
        }
        return finish(text, fits);
    }

    Found read_element(std::string& text) {
        if (!skip_space()) refuse("the file ends");
        if (peek() == ']') {
            take();
            if (skip_space()) refuse("something follows the array");
            layout_ = Layout::ended;
            return Found::end;
        }
        if (number_ > 0) {
            if (peek() != ',') refuse("expected a comma");
            take();
            if (!skip_space()) refuse("the file ends");
        }
        if (peek() == ',' || peek() == ']' || peek() == '}') refuse("expected a record");
        begin_ = line_;
        const bool fits = scan(text);
        ++number_;
        return finish(text, fits);
    }

    /// Takes one value; whether it fits.
    bool scan(std::string& text) {
        bool fits = true;
        bool in_string = false;
        bool escaped = false;
        Index depth = 0;
        for (;;) {
            if (!more()) refuse("the file ends within a record");
            const char next = peek();
            if (depth == 0 && !in_string && (next == ',' || next == ']' || is_space(next)))
                return fits;  // a number
            take();
            fits = fits && text.size() < limit_;
            if (fits) text += next;
            if (in_string) {
                in_string = escaped || next != '"';
                escaped = !escaped && next == '\\';
            } else if (next == '"') {
                in_string = true;
            } else if (next == '{' || next == '[') {
                ++depth;
            } else if ((next == '}' || next == ']') && --depth == 0) {
                return fits;
            }
        }
    }

    static Found finish(std::string& text, bool fits) {
        if (!fits) text.clear();
        return fits ? Found::record : Found::too_long;
    }

    std::unique_ptr<ByteSource> source_;
    std::string name_;
    std::size_t limit_;
    std::vector<char> buffer_;
    std::size_t position_ = 0;
    std::size_t end_ = 0;
    Layout layout_ = Layout::unknown;
    Index line_ = 1;
    Index begin_ = 1;
    Index number_ = 0;
};

}  // namespace lapidary
