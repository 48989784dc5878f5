#pragma once

#include <lapidary/io/descriptor.hpp>
#include <lapidary/io/mapped_file.hpp>
#include <lapidary/io/output_file.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace lapidary {

/// The contents of a regular file. Throws Error(io) naming the path, also for a file beyond `limit` bytes.
inline std::string read_text(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 32) {
    std::size_t size = 0;
    const detail::Descriptor file = detail::open_regular(path, size);
    std::string text;
    std::size_t used = 0;
    // The announced size is a hint: files of /proc announce 0, and a growing file has more than it did.
    for (std::size_t room = std::min(size, limit) + 1;; room = 2 * used + 4096) {
        if (used > limit) {
            throw Error(ErrorCode::io, "file",
                        path.string() + ": is larger than " + std::to_string(limit) + " bytes");
        }
        text.resize(room);
        while (used < text.size()) {
            const std::size_t count = detail::read_some(file, path, text.data() + used, text.size() - used);
            if (count == 0) {
                text.resize(used);
                return text;
            }
            used += count;
        }
    }
}

/// Makes the names in a directory durable (fsync of the directory). Throws Error(io).
inline void sync_directory(const std::filesystem::path& path) {
    const detail::Descriptor directory = detail::open_descriptor(path, O_RDONLY | O_DIRECTORY, "open directory");
    // Some network file systems answer EINVAL: they have no such notion, and nothing more can be done.
    while (::fsync(directory.get()) != 0 && errno != EINVAL) {
        if (errno != EINTR) detail::throw_io(path, "sync directory", errno);
    }
}

/// Replaces a file by `contents` so that at any moment, also after a power cut, either the old or the new file is
/// there in full. Throws Error(io), and then the old file is untouched and no temporary file is left.
inline void write_file_durably(const std::filesystem::path& path, std::string_view contents) {
    static std::atomic<std::uint64_t> serial{0};  // two threads may write two files of one name at once
    const std::filesystem::path temporary = detail::unfinished_name(
        path, std::to_string(::getpid()) + "." + std::to_string(serial.fetch_add(1)) + ".tmp");
    OutputFile file(temporary);
    detail::RemoveUnlessKept guard(temporary);
    file.write(contents);
    file.sync();
    file.close();
    if (std::rename(temporary.c_str(), path.c_str()) != 0) detail::throw_io(path, "replace", errno);
    guard.keep();
    sync_directory(detail::folder_of(path));
}

}  // namespace lapidary
