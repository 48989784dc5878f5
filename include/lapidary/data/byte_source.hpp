#pragma once

#include <lapidary/core/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace lapidary {

/// A stream of bytes that is read once, from front to back.
class ByteSource {
public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    /// Fills the front of `buffer` and returns how many bytes; 0 only at the end of the stream.
    virtual std::size_t read(std::span<char> buffer) = 0;
    /// Bytes of the underlying file taken so far (before decompression), for progress.
    [[nodiscard]] virtual std::uint64_t consumed() const = 0;
};

/// How to open a file as a stream of bytes; `open_file` and `open_compressed` are two.
using OpenBytes = std::function<std::unique_ptr<ByteSource>(const std::filesystem::path&)>;

/// The bytes of a file as they are. Throws Error(io) naming the file.
class FileSource final : public ByteSource {
public:
    explicit FileSource(const std::filesystem::path& file)
        : name_(file.string()), file_(std::fopen(file.c_str(), "rb"), &std::fclose) {
        if (file_ == nullptr) throw Error(ErrorCode::io, "read", name_ + ": " + std::strerror(errno));
    }

    std::size_t read(std::span<char> buffer) override {
        const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file_.get());
        if (count == 0 && std::ferror(file_.get()) != 0) {  // also where the path is a directory
            throw Error(ErrorCode::io, "read", name_ + ": " + std::strerror(errno));
        }
        consumed_ += count;
        return count;
    }
    [[nodiscard]] std::uint64_t consumed() const override { return consumed_; }

private:
    std::string name_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    std::uint64_t consumed_ = 0;
};

/// Opens a file without decompressing it.
inline std::unique_ptr<ByteSource> open_file(const std::filesystem::path& file) {
    return std::make_unique<FileSource>(file);
}

}  // namespace lapidary
