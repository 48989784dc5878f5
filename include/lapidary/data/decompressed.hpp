#pragma once

#include <lapidary/data/byte_source.hpp>
#include <lapidary/data/gzip_source.hpp>
#include <lapidary/data/line_reader.hpp>
#include <lapidary/data/zstd_source.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lapidary {

/// The contents of a file as its first bytes say: gzip, Zstandard, or bytes as they are. One named .gz or .zst
/// that is something else gives Error(format) naming it. Opt-in: needs zlib and libzstd.
inline std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> bytes, const std::string& name) {
    std::array<char, 4> start{};
    std::size_t count = 0;
    while (count < start.size()) {
        const std::size_t more = bytes->read(std::span(start).subspan(count));
        if (more == 0) break;
        count += more;
    }
    const std::string magic(start.data(), count);
    auto all = std::make_unique<PrefixedSource>(magic, std::move(bytes));
    const bool skippable = count == 4 && (magic[0] & 0xF0) == 0x50 && magic.substr(1) == "\x2A\x4D\x18";
    const bool zstd = magic == "\x28\xB5\x2F\xFD" || skippable;
    const std::filesystem::path ending = std::filesystem::path(name).extension();
    if (ending == ".gz" || magic.starts_with("\x1F\x8B"))
        return std::make_unique<GzipSource>(std::move(all), name);
    if (ending == ".zst" || zstd) return std::make_unique<ZstdSource>(std::move(all), name);
    return all;
}

/// The lines of a file, plain or compressed.
inline LineReader open_lines(const std::filesystem::path& file,
                             std::size_t max_line_bytes = default_max_line_bytes) {
    return {decompressed(std::make_unique<FileSource>(file), file.string()), file.string(), max_line_bytes};
}

}  // namespace lapidary
