#pragma once

#include <lapidary/io/descriptor.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

namespace lapidary {

/// What opening a file for writing does to one that exists.
enum class OpenMode {
    truncate,  ///< its contents are dropped
    append,    ///< what is written goes after its end
    create,    ///< it must not exist
    update,    ///< it must exist, and keeps its contents but for what is written over
};

/// A file open for writing; every failure, a full disk included, is Error(io) naming path and reason.
///
/// Unbuffered: what `write` returned from has been handed to the system, and is on disk after `sync`. Move-only.
/// The destructor closes without telling of failures, so call `sync` or `close` where they matter.
class OutputFile {
public:
    explicit OutputFile(std::filesystem::path path, OpenMode mode = OpenMode::truncate)
        : path_(std::move(path)), file_(detail::open_descriptor(path_, flags(mode), "open for writing")) {}

    /// Writes all of `bytes`, however many calls the system takes for it.
    void write(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) detail::throw_io(path_, "write", errno);
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

    /// The same at a place of one's own, so that several writers may share a file.
    void write_at(std::size_t offset, std::span<const std::byte> bytes) {
        detail::write_all_at(file_, path_, offset, bytes);
    }

    /// Takes room on the disk up to `size` bytes, of zeros, so that a full disk is noticed now.
    void reserve(std::size_t size) {
        const int code = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(size));
        if (code != 0) detail::throw_io(path_, "write", code);
    }

    /// Returns when the disk has the contents (fsync).
    void sync() { detail::sync_descriptor(file_, path_); }

    /// Closes; some file systems tell of a failed write only here. Closing twice is fine.
    void close() {
        if (file_.get() < 0) return;
        // Linux has let go of the descriptor even when a signal interrupted close.
        if (::close(file_.release()) != 0 && errno != EINTR) detail::throw_io(path_, "close", errno);
    }

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    static int flags(OpenMode mode) {
        switch (mode) {
            case OpenMode::append:
                return O_WRONLY | O_CREAT | O_APPEND;
            case OpenMode::create:
                return O_WRONLY | O_CREAT | O_EXCL;
            case OpenMode::update:
                return O_WRONLY;
            case OpenMode::truncate:
                break;
        }
        return O_WRONLY | O_CREAT | O_TRUNC;
    }

    std::filesystem::path path_;
    detail::Descriptor file_;
};

}  // namespace lapidary
