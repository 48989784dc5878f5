#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/byte_source.hpp>

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// The decompressed bytes of a Zstandard stream, frames one after the other. Opt-in: needs libzstd (CMake target
/// `lapidary::compression`). Windows above 128 MiB are refused, so memory is bounded. Throws Error(format)
/// naming the stream and the byte offset where it is damaged or cut off.
class ZstdSource final : public ByteSource {
public:
    ZstdSource(std::unique_ptr<ByteSource> source, std::string name)
        : name_(std::move(name)),
          source_(std::move(source)),
          input_(ZSTD_DStreamInSize()),
          stream_(ZSTD_createDStream()) {
        if (stream_ == nullptr) throw Error(ErrorCode::memory, "zstd", name_ + ": no memory for a stream");
        ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, 27);
    }

    std::size_t read(std::span<char> buffer) override {
        ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
        while (out.pos == 0 && out.size != 0) {
            if (in_.pos == in_.size && !flushing_) in_ = {input_.data(), source_->read(input_), 0};
            const bool at_end = in_.size == 0;
            if (at_end && frame_done_) return 0;
            const std::size_t result = ZSTD_decompressStream(stream_.get(), &out, &in_);
            if (ZSTD_isError(result) != 0) refuse(ZSTD_getErrorName(result));
            frame_done_ = result == 0;
            flushing_ = out.pos == out.size && !frame_done_;  // there may be more without more input
            if (at_end && out.pos == 0 && !frame_done_) refuse("the stream is cut off");
        }
        return out.pos;
    }
    [[nodiscard]] std::uint64_t consumed() const override { return source_->consumed(); }

private:
    struct Free {
        void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
    };
    [[noreturn]] void refuse(const std::string& reason) const {
        throw Error(
            ErrorCode::format, "zstd",
            name_ + ": " + reason + ", at byte " + std::to_string(source_->consumed() - (in_.size - in_.pos)));
    }

    std::string name_;
    std::unique_ptr<ByteSource> source_;
    std::vector<char> input_;
    std::unique_ptr<ZSTD_DStream, Free> stream_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
    bool frame_done_ = false;  // an empty file is no Zstandard file
    bool flushing_ = false;
};

}  // namespace lapidary
