#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/gzip_source.hpp>
#include <lapidary/data/line_reader.hpp>
#include <lapidary/data/zstd_source.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>

namespace lapidary {

/// Opens a file as what its first bytes say: gzip, Zstandard, or bytes as they are. A file named .gz or .zst
/// that is something else gives Error(format) naming it. Opt-in: needs zlib and libzstd.
inline std::unique_ptr<ByteSource> open_compressed(const std::filesystem::path& file) {
    std::array<char, 4> start{};
    const std::size_t count = FileSource(file).read(start);
    const std::string_view magic(start.data(), count);
    const bool skippable = count == 4 && (magic[0] & 0xF0) == 0x50 && magic.substr(1) == "\x2A\x4D\x18";
    const bool zstd = magic == "\x28\xB5\x2F\xFD" || skippable;
    if (file.extension() == ".gz" || magic.substr(0, 2) == "\x1F\x8B") return std::make_unique<GzipSource>(file);
    if (file.extension() == ".zst" || zstd) return std::make_unique<ZstdSource>(file);
    return open_file(file);
}

/// The lines of a file, plain or compressed.
inline LineReader open_lines(const std::filesystem::path& file,
                             std::size_t max_line_bytes = default_max_line_bytes) {
    return {open_compressed(file), file.string(), max_line_bytes};
}

}  // namespace lapidary
