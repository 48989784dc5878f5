#pragma once

#include <lapidary/io/descriptor.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

namespace lapidary {

/// A regular file mapped read-only into memory; move-only, an empty file is allowed.
///
/// The bytes stay where they are when the object moves. A file that another program shortens while it is mapped
/// makes the system kill the process, so map only files that are finished. Throws Error(io) naming the path.
class MappedFile {
public:
    explicit MappedFile(std::filesystem::path path) : path_(std::move(path)) {
        std::size_t size = 0;
        const detail::Descriptor file = detail::open_regular(path_, size);
        if (size == 0) return;
        void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
        if (address == MAP_FAILED) detail::throw_io(path_, "map into memory", errno);
        bytes_ = {static_cast<const std::byte*>(address), size};
    }
    MappedFile(MappedFile&& other) noexcept
        : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}
    MappedFile& operator=(MappedFile&& other) noexcept {
        std::swap(path_, other.path_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile() {
        // munmap takes a pointer to mutable memory, though it changes none of it.
        if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());  // NOLINT
    }

    /// The whole file; starts at a page boundary.
    [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

    /// Gives back the memory of pages that lie wholly in `part` of the file; they are read again if they are asked
    /// for.
    void forget(std::span<const std::byte> part) const {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        const auto first = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
        const auto last = (reinterpret_cast<std::uintptr_t>(part.data()) + part.size()) / page * page;
        if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
    }

private:
    std::filesystem::path path_;
    std::span<const std::byte> bytes_;
};

}  // namespace lapidary
