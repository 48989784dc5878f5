#pragma once

#include <lapidary/analysis/protobuf.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/io/crc32c.hpp>
#include <lapidary/io/output_file.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace lapidary {

/// A number under a name, for `EventFile`.
struct EventScalar {
    std::string_view tag;
    double value = 0;
};

/// A file of events that TensorBoard shows. Its name must contain `tfevents`.
///
/// A record is the length of its data (8 bytes), a check sum of the length, the data and a check sum of the data;
/// the data is a message of the type Event. Sources: TensorFlow's core/lib/io/record_writer.h (framing),
/// core/util/event.proto, core/framework/summary.proto and tensor.proto (field numbers). Numbers are stored as
/// 32-bit floats, which is what that format has. Buffered; what is written is whole after `close`.
class EventFile {
public:
    /// Begins the file anew. Throws Error(io).
    explicit EventFile(const std::filesystem::path& path) : file_(path) {
        append(detail::Protobuf().text(3, "brain.Event:2"));
    }

    /// Numbers of one step. `seconds`: TensorBoard's wall time; it sorts and subtracts them.
    void scalars(Index step, double seconds, std::span<const EventScalar> values) {
        detail::Protobuf summary;
        for (const EventScalar& one : values) {
            summary.message(1, detail::Protobuf().text(1, one.tag).single(2, static_cast<float>(one.value)));
        }
        event(step, seconds, summary);
    }

    /// A text (Markdown) of one step, for the tab of texts.
    void text(Index step, double seconds, std::string_view tag, std::string_view text) {
        using detail::Protobuf;
        constexpr int type_string = 7;
        const Protobuf shape = Protobuf().message(2, Protobuf().integer(1, 1));
        const Protobuf tensor = Protobuf().integer(1, type_string).message(2, shape).text(8, text);
        const Protobuf metadata = Protobuf().message(1, Protobuf().text(1, "text"));
        event(step, seconds,
              Protobuf().message(1, Protobuf().text(1, tag).message(8, tensor).message(9, metadata)));
    }

    /// Writes what is buffered and closes. Throws Error(io).
    void close() {
        flush();
        file_.close();
    }

private:
    void event(Index step, double seconds, const detail::Protobuf& summary) {
        detail::Protobuf event;  // a zero is not written, as in proto3
        if (seconds != 0) event.real(1, seconds);
        if (step != 0) event.integer(2, step);
        append(event.message(5, summary));
    }

    void append(const detail::Protobuf& event) {
        const std::string& data = event.bytes();
        const std::size_t start = buffer_.size();
        number(data.size(), 8);
        number(masked(std::string_view(buffer_).substr(start)), 4);
        buffer_ += data;
        number(masked(data), 4);
        if (buffer_.size() > buffer_limit) flush();
    }
    void number(std::uint64_t value, int count) {
        for (int i = 0; i < count; ++i) buffer_ += static_cast<char>(value >> (8 * i) & 0xFF);
    }
    // A check sum over bytes that hold check sums would be weak, so the format turns and shifts them.
    static std::uint32_t masked(std::string_view bytes) {
        const std::uint32_t sum = crc32c(std::as_bytes(std::span(bytes)));
        return ((sum >> 15) | (sum << 17)) + 0xA282EAD8U;
    }
    void flush() {
        file_.write(buffer_);
        buffer_.clear();
    }

    static constexpr std::size_t buffer_limit = std::size_t{1} << 18;

    OutputFile file_;
    std::string buffer_;
};

}  // namespace lapidary
