#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/byte_source.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// The decompressed bytes of a gzip stream, members one after the other as gunzip gives them. Opt-in: needs zlib
/// (CMake target `lapidary::compression`). Throws Error(format) naming the stream and the byte offset where it is
/// damaged or cut off, also when the check sum at its end differs.
class GzipSource final : public ByteSource {
public:
    GzipSource(std::unique_ptr<ByteSource> source, std::string name)
        : name_(std::move(name)), source_(std::move(source)), input_(std::size_t{1} << 16) {
        if (inflateInit2(&stream_, 15 + 16) != Z_OK)
            throw Error(ErrorCode::memory, "gzip", name_ + ": zlib failed");
    }
    ~GzipSource() override { inflateEnd(&stream_); }

    std::size_t read(std::span<char> buffer) override {
        const auto room = static_cast<uInt>(std::min<std::size_t>(buffer.size(), std::size_t{1} << 30));
        stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream_.avail_out = room;
        while (stream_.avail_out == room && room != 0) {
            if (stream_.avail_in == 0) fill();
            if (stream_.avail_in == 0) {
                if (between_members_ && any_member_) return 0;
                refuse("the stream is cut off");
            }
            if (between_members_ && any_member_ && skip_padding()) continue;
            between_members_ = false;
            const int status = inflate(&stream_, Z_NO_FLUSH);
            if (status == Z_STREAM_END) {
                any_member_ = between_members_ = true;
                inflateReset(&stream_);
            } else if (status != Z_OK) {
                refuse(stream_.msg != nullptr ? stream_.msg : "the stream is damaged");
            }
        }
        return room - stream_.avail_out;
    }
    [[nodiscard]] std::uint64_t consumed() const override { return source_->consumed(); }

private:
    void fill() {
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(source_->read(input_));
    }
    // Zero bytes after a member are padding (tapes, block devices); true when all of the input was.
    bool skip_padding() {
        while (stream_.avail_in != 0 && *stream_.next_in == 0) {
            ++stream_.next_in;
            --stream_.avail_in;
        }
        return stream_.avail_in == 0;
    }
    [[noreturn]] void refuse(const std::string& reason) const {
        throw Error(ErrorCode::format, "gzip",
                    name_ + ": " + reason + ", at byte " + std::to_string(source_->consumed() - stream_.avail_in));
    }

    std::string name_;
    std::unique_ptr<ByteSource> source_;
    std::vector<char> input_;
    z_stream stream_{};
    bool between_members_ = true;
    bool any_member_ = false;
};

}  // namespace lapidary
