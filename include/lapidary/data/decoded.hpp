#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/byte_source.hpp>
#ifdef LAPIDARY_COMPRESSION
#include <lapidary/data/decompressed.hpp>
#endif
#ifdef LAPIDARY_PARQUET
#include <lapidary/data/parquet_source.hpp>
#endif

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace lapidary {

/// The contents of a file in whatever way it is stored that this program can read: Parquet by its name, gzip and
/// Zstandard by their first bytes, else as it is. Throws Error(unsupported) naming a Parquet file and the
/// component that would read it.
inline std::unique_ptr<ByteSource> decoded(std::unique_ptr<ByteSource> bytes, const std::string& name) {
    if (std::filesystem::path(name).extension() == ".parquet") {
#ifdef LAPIDARY_PARQUET
        return std::make_unique<ParquetSource>(std::move(bytes), name);
#else
        throw Error(ErrorCode::unsupported, "input", name + ": this program was built without lapidary::parquet");
#endif
    }
#ifdef LAPIDARY_COMPRESSION
    return decompressed(std::move(bytes), name);
#else
    return bytes;
#endif
}

}  // namespace lapidary
