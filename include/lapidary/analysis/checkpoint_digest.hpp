#pragma once

#include <lapidary/io/checksums.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <system_error>

namespace lapidary {

/// What identifies a checkpoint: the SHA-256 of its `SHA256SUMS`, which lists those of all its files; of weights
/// that were published without, of model.safetensors or the list of its shards. Throws Error(io).
inline std::string checkpoint_digest(const std::filesystem::path& directory) {
    std::error_code failure;
    for (const char* name : {"SHA256SUMS", "model.safetensors"}) {
        if (std::filesystem::exists(directory / name, failure)) return sha256_file(directory / name);
    }
    return sha256_file(directory / "model.safetensors.index.json");
}

/// The recorded hashes of a checkpoint's files by name; none where it has no `SHA256SUMS`. Throws Error(io),
/// Error(integrity) naming file and line.
inline std::map<std::string, std::string> checkpoint_hashes(const std::filesystem::path& directory) {
    const std::filesystem::path list = directory / detail::checksum_file;
    std::error_code failure;
    if (!std::filesystem::exists(list, failure)) return {};
    return detail::parse_checksums(read_text(list), list.string());
}

}  // namespace lapidary
