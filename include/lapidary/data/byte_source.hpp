#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/sha256.hpp>

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
#include <utility>

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

/// How the bytes of a file named `name` become those of its contents; `as_stored` and `decompressed` are two.
using Decoding =
    std::function<std::unique_ptr<ByteSource>(std::unique_ptr<ByteSource> bytes, const std::string& name)>;

/// The bytes as they are.
inline std::unique_ptr<ByteSource> as_stored(std::unique_ptr<ByteSource> bytes, const std::string& /*name*/) {
    return bytes;
}

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

/// Bytes that were read already, then those that follow them.
class PrefixedSource final : public ByteSource {
public:
    PrefixedSource(std::string prefix, std::unique_ptr<ByteSource> rest)
        : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

    std::size_t read(std::span<char> buffer) override {
        if (position_ == prefix_.size()) return rest_->read(buffer);
        const std::size_t count = prefix_.copy(buffer.data(), buffer.size(), position_);
        position_ += count;
        return count;
    }
    [[nodiscard]] std::uint64_t consumed() const override { return rest_->consumed(); }

private:
    std::string prefix_;
    std::unique_ptr<ByteSource> rest_;
    std::size_t position_ = 0;
};

/// The same bytes as another source, and their SHA-256 so far.
class HashedSource final : public ByteSource {
public:
    /// The hash must outlive the source.
    HashedSource(std::unique_ptr<ByteSource> source, Sha256& hash) : source_(std::move(source)), hash_(hash) {}

    std::size_t read(std::span<char> buffer) override {
        const std::size_t count = source_->read(buffer);
        hash_.update(std::as_bytes(buffer.first(count)));
        return count;
    }
    [[nodiscard]] std::uint64_t consumed() const override { return source_->consumed(); }

private:
    std::unique_ptr<ByteSource> source_;
    Sha256& hash_;
};

}  // namespace lapidary
