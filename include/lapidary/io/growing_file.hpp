#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/io/descriptor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary {

/// Records of one trivially copyable type on disk: appended one after the other, kept across restarts up to the
/// last `sync`, read at any position. Memory: a buffer of 256 KiB.
///
/// Reading uses pread, not a mapping, so that a file larger than memory does not count as memory in use.
template <class Record>
    requires std::is_trivially_copyable_v<Record>
class GrowingFile {
public:
    /// Opens or creates the file with its first `size` records; what lies behind them is cut off. Throws
    /// Error(io), and Error(integrity) if there are fewer.
    GrowingFile(std::filesystem::path path, Index size)
        : path_(std::move(path)),
          file_(detail::open_descriptor(path_, O_RDWR | O_CREAT, "open for writing")),
          size_(size) {
        struct stat status {};
        if (::fstat(file_.get(), &status) != 0) detail::throw_io(path_, "examine", errno);
        const auto bytes = static_cast<off_t>(static_cast<std::size_t>(size) * sizeof(Record));
        if (status.st_size < bytes) {
            throw Error(ErrorCode::integrity, "file",
                        path_.string() + ": has " + std::to_string(status.st_size) + " bytes, expected " +
                            std::to_string(bytes));
        }
        if (::ftruncate(file_.get(), bytes) != 0) detail::throw_io(path_, "truncate", errno);
    }

    [[nodiscard]] Index size() const { return size_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    void append(std::span<const Record> records) {
        const auto bytes = std::as_bytes(records);
        if (buffer_.size() + bytes.size() > buffer_limit) flush();
        if (bytes.size() > buffer_limit) {
            detail::write_all_at(file_, path_, static_cast<std::size_t>(size_) * sizeof(Record), bytes);
        } else {
            buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        }
        size_ += static_cast<Index>(records.size());
    }
    void append(const Record& record) { append(std::span(&record, 1)); }

    /// Hands what was appended to the system; needed before `read`.
    void flush() {
        detail::write_all_at(file_, path_, static_cast<std::size_t>(size_) * sizeof(Record) - buffer_.size(),
                             buffer_);
        buffer_.clear();
    }

    /// Returns when the disk has all records.
    void sync() {
        flush();
        detail::sync_descriptor(file_, path_);
    }

    /// Fills `into` with the records from `first` on. Safe to call from many threads. Throws Error(io), also where
    /// the file ends before.
    void read(Index first, std::span<Record> into) const {
        auto* bytes = reinterpret_cast<char*>(into.data());
        std::size_t left = into.size_bytes();
        std::size_t at = static_cast<std::size_t>(first) * sizeof(Record);
        while (left > 0) {
            const ssize_t count = ::pread(file_.get(), bytes, left, static_cast<off_t>(at));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) detail::throw_io(path_, "read", errno);
            if (count == 0) {
                throw Error(ErrorCode::io, "file",
                            path_.string() + ": ends at byte " + std::to_string(at) + ", expected more");
            }
            bytes += count;
            at += static_cast<std::size_t>(count);
            left -= static_cast<std::size_t>(count);
        }
    }
    [[nodiscard]] Record read(Index i) const {
        Record record;
        read(i, std::span(&record, 1));
        return record;
    }

    /// Calls `visit(records)` for all records, in order, some at once.
    template <class Visit>
    void for_each_part(Visit visit) const {
        constexpr Index at_once = 1 << 14;
        std::vector<Record> part;
        for (Index first = 0; first < size_; first += at_once) {
            part.resize(static_cast<std::size_t>(std::min(at_once, size_ - first)));
            read(first, part);
            visit(std::span<const Record>(part));
        }
    }

private:
    static constexpr std::size_t buffer_limit = std::size_t{1} << 18;

    std::filesystem::path path_;
    detail::Descriptor file_;
    Index size_;
    std::vector<std::byte> buffer_;
};

}  // namespace lapidary
