#pragma once

#include <lapidary/io/descriptor.hpp>

#include <sys/file.h>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>

namespace lapidary {

/// Holds a run directory for one process, by an exclusive lock on `<directory>/.lock` with pid and host in it.
///
/// The kernel lets go of the lock when the process ends, however it ends; the file stays, it is the lock that
/// counts. Not copyable or movable.
class RunLock {
public:
    /// Throws Error(busy) naming the process and host that hold the directory; Error(io).
    explicit RunLock(const std::filesystem::path& directory)
        : file_(detail::open_descriptor(directory / ".lock", O_RDWR | O_CREAT | O_NOFOLLOW, "open")) {
        const std::filesystem::path path = directory / ".lock";
        while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) {
                throw Error(ErrorCode::busy, "lock", directory.string() + " is in use by " + holder(path));
            }
            if (errno != EINTR) detail::throw_io(path, "lock", errno);
        }
        std::array<char, 256> host{};
        ::gethostname(host.data(), host.size() - 1);
        const std::string text = std::to_string(::getpid()) + " " + host.data() + "\n";
        if (::ftruncate(file_.get(), 0) != 0 ||
            ::pwrite(file_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
            detail::throw_io(path, "write", errno);
        }
    }
    RunLock(const RunLock&) = delete;
    RunLock& operator=(const RunLock&) = delete;
    /// Lets go, also of copies of the descriptor that a forked child may have.
    ~RunLock() { ::flock(file_.get(), LOCK_UN); }

private:
    [[nodiscard]] std::string holder(const std::filesystem::path& path) const {
        std::array<char, 320> buffer{};
        const std::size_t count = detail::read_some(file_, path, buffer.data(), buffer.size());
        const std::string_view text(buffer.data(), count);
        const std::size_t space = text.find(' ');
        const std::size_t end = text.find('\n');
        // The holder may be about to write its name.
        if (space == std::string_view::npos || end == std::string_view::npos || end < space)
            return "another process";
        const std::string process = quote(text.substr(0, space));
        const std::string host = quote(text.substr(space + 1, end - space - 1), 255);
        return "process " + process.substr(1, process.size() - 2) + " on host " + host.substr(1, host.size() - 2);
    }

    detail::Descriptor file_;
};

}  // namespace lapidary
