#pragma once

#include <lapidary/io/file.hpp>
#include <lapidary/io/sha256.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace lapidary {

namespace detail {

inline constexpr const char* checksum_file = "SHA256SUMS";

/// The regular files below a directory as relative paths, the checksum file left out. Anything that is neither
/// file nor directory is refused with `code`: a link could lead out of the directory.
inline std::set<std::string> files_below(const std::filesystem::path& directory, ErrorCode code) {
    std::set<std::string> files;
    std::error_code error;
    std::filesystem::recursive_directory_iterator entry(directory, error);
    check_io(directory, "list", error);
    while (entry != std::filesystem::recursive_directory_iterator()) {
        const std::filesystem::file_status status = entry->symlink_status(error);
        check_io(entry->path(), "examine", error);
        if (std::filesystem::is_regular_file(status)) {
            files.insert(entry->path().lexically_relative(directory).generic_string());
        } else if (!std::filesystem::is_directory(status)) {
            throw Error(code, "checksums", entry->path().string() + ": is neither a regular file nor a directory");
        }
        entry.increment(error);
        check_io(directory, "list", error);
    }
    files.erase(checksum_file);
    return files;
}

/// Backslashes and control characters need an escape in this format, and no file of ours has them in its name.
inline bool plain_path(std::string_view path) {
    return !path.empty() && std::none_of(path.begin(), path.end(),
                                         [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '\\'; });
}

/// The path in a line `<64 hex digits>  <path>` (` *` before the path for sha256sum --binary), normalised; throws
/// Error(integrity) with `place` in front.
inline std::string checksum_path(std::string_view line, const std::string& place) {
    const auto is_hex = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    };
    if (line.size() < 67 || !std::all_of(line.begin(), line.begin() + 64, is_hex) || line[64] != ' ' ||
        (line[65] != ' ' && line[65] != '*') || !plain_path(line.substr(66))) {
        throw Error(ErrorCode::integrity, "checksums",
                    place + "expected a SHA-256 and a path, got " + quote(line));
    }
    const std::filesystem::path path(line.substr(66));
    if (path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end()) {
        throw Error(ErrorCode::integrity, "checksums",
                    place + quote(line.substr(66)) + " leads out of the directory");
    }
    return path.lexically_normal().generic_string();
}

/// Path -> digest, lower case.
inline std::map<std::string, std::string> parse_checksums(std::string_view text, const std::string& where) {
    std::map<std::string, std::string> sums;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const std::string place = where + ": line " + std::to_string(number) + ": ";
        const std::string path = checksum_path(line, place);
        std::string digest(line.substr(0, 64));
        for (char& c : digest) {
            if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
        }
        if (!sums.emplace(path, digest).second) {
            throw Error(ErrorCode::integrity, "checksums", place + quote(path) + " is listed twice");
        }
    }
    return sums;
}

}  // namespace detail

/// Writes `SHA256SUMS`, which `sha256sum -c` reads: all regular files below the directory but itself, by relative
/// path, sorted bytewise, so equal contents give equal bytes. Throws Error(io), and Error(value) for what it
/// cannot list: links, devices, names with control characters or backslashes.
inline void write_checksums(const std::filesystem::path& directory) {
    std::string text;
    for (const std::string& name : detail::files_below(directory, ErrorCode::value)) {
        if (!detail::plain_path(name)) {
            throw Error(ErrorCode::value, "checksums", directory.string() + ": unusable file name " + quote(name));
        }
        text += sha256_file(directory / name) + "  " + name + "\n";
    }
    write_file_durably(directory / detail::checksum_file, text);
}

/// Checks a directory against its `SHA256SUMS`. Throws Error(integrity) naming the file that is missing, differs
/// or is not listed, or the line that is malformed or leads out of the directory; Error(io) if `SHA256SUMS` is
/// missing.
/// Several processes may share the work: this one, `share` of `shares`, then compares every so many-th file.
inline void verify_checksums(const std::filesystem::path& directory, int share = 0, int shares = 1) {
    const std::filesystem::path list = directory / detail::checksum_file;
    const auto sums = detail::parse_checksums(read_text(list), list.string());
    const auto files = detail::files_below(directory, ErrorCode::integrity);
    for (const std::string& name : files) {
        if (!sums.contains(name)) {
            throw Error(ErrorCode::integrity, "checksums",
                        (directory / name).string() + ": is not in " + list.string());
        }
    }
    int number = 0;
    for (const auto& [name, expected] : sums) {
        if (!files.contains(name)) {
            throw Error(ErrorCode::integrity, "checksums", (directory / name).string() + ": is missing");
        }
        if (number++ % shares != share) continue;
        const std::string got = sha256_file(directory / name);
        if (got != expected) {
            throw Error(ErrorCode::integrity, "checksums",
                        (directory / name).string() + ": SHA-256 is " + got + ", expected " + expected);
        }
    }
}

}  // namespace lapidary
