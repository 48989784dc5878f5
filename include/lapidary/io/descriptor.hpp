#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/io/quote.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lapidary::detail {

/// Throws Error(io): `[file] <path>: cannot <action>: <reason of the operating system>`.
[[noreturn]] inline void throw_io(const std::filesystem::path& path, std::string_view action, int error) {
    throw Error(ErrorCode::io, "file",
                path.string() + ": cannot " + std::string(action) + ": " + std::generic_category().message(error));
}

/// The same for the error codes of <filesystem>; does nothing if there was no error.
inline void check_io(const std::filesystem::path& path, std::string_view action, const std::error_code& error) {
    if (error) throw_io(path, action, error.value());
}

/// The folder that holds `path`; `.` for a bare name.
inline std::filesystem::path folder_of(const std::filesystem::path& path) {
    const std::filesystem::path folder = path.parent_path();
    return folder.empty() ? std::filesystem::path(".") : folder;
}

/// `<folder of path>/.<name of path>.<suffix>`: where something is made ready that will be called `path`.
inline std::filesystem::path unfinished_name(const std::filesystem::path& path, std::string_view suffix) {
    std::string name(".");
    name.append(path.filename().native()).append(".").append(suffix);
    return folder_of(path) / name;
}

/// Owns a POSIX file descriptor.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }

    [[nodiscard]] int get() const { return number_; }
    /// Gives up ownership.
    [[nodiscard]] int release() { return std::exchange(number_, -1); }

private:
    int number_ = -1;
};

/// open(2), retried when a signal interrupts it. Throws Error(io).
inline Descriptor open_descriptor(const std::filesystem::path& path, int flags, std::string_view action) {
    // The system would stop at the NUL and open another file than the one that was named.
    if (path.native().find('\0') != std::string::npos) {
        throw Error(ErrorCode::io, "file", quote(path.native()) + ": a file name cannot contain NUL");
    }
    int number = -1;
    do {
        number = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    } while (number < 0 && errno == EINTR);
    if (number < 0) throw_io(path, action, errno);
    return Descriptor(number);
}

/// Opens a regular file for reading and tells its size. Anything else (directory, pipe, device) is Error(io).
inline Descriptor open_regular(const std::filesystem::path& path, std::size_t& size) {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    Descriptor file = open_descriptor(path, O_RDONLY | O_NONBLOCK, "open");
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) throw_io(path, "examine", errno);
    if (!S_ISREG(status.st_mode)) {
        throw Error(ErrorCode::io, "file", path.string() + ": is not a regular file");
    }
    size = static_cast<std::size_t>(status.st_size);
    return file;
}

/// read(2) that tries again after a signal; returns 0 at the end of the file. Throws Error(io).
inline std::size_t read_some(const Descriptor& file, const std::filesystem::path& path, void* into,
                             std::size_t size) {
    while (true) {
        const ssize_t count = ::read(file.get(), into, size);
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR) throw_io(path, "read", errno);
    }
}

/// pwrite(2) of all of `bytes`, however many calls the system takes for it. Throws Error(io).
inline void write_all_at(const Descriptor& file, const std::filesystem::path& path, std::size_t offset,
                         std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw_io(path, "write", errno);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::size_t>(count);
    }
}

/// fsync(2), retried when a signal interrupts it. Throws Error(io).
inline void sync_descriptor(const Descriptor& file, const std::filesystem::path& path) {
    while (::fsync(file.get()) != 0) {
        if (errno != EINTR) throw_io(path, "sync", errno);
    }
}

/// Removes a file when the scope is left before `keep()`. Leaves devices and the like alone.
class RemoveUnlessKept {
public:
    explicit RemoveUnlessKept(std::filesystem::path path) : path_(std::move(path)) {}
    RemoveUnlessKept(const RemoveUnlessKept&) = delete;
    RemoveUnlessKept& operator=(const RemoveUnlessKept&) = delete;
    ~RemoveUnlessKept() {
        struct stat status {};
        if (!kept_ && ::stat(path_.c_str(), &status) == 0 && S_ISREG(status.st_mode)) ::unlink(path_.c_str());
    }
    void keep() { kept_ = true; }

private:
    std::filesystem::path path_;
    bool kept_ = false;
};

}  // namespace lapidary::detail
