#pragma once

#include <lapidary/core/shape.hpp>

#include <cstdint>

namespace lapidary {

/// A document in `documents.safetensors`: tensor `documents` [n, 7] I64, rows in the order of the token streams.
struct DocumentRow {
    std::int64_t label = 0;  ///< what it counts as, an index into the names in the manifest
    std::int64_t file = 0;   ///< index into the inputs in the manifest
    std::int64_t line = 0;   ///< counted from 1
    std::int64_t begin = 0;  ///< its line, or whole file: bytes [begin, end) of the decompressed contents
    std::int64_t end = 0;
    std::int64_t start = 0;   ///< tokens of its source's stream before it
    std::int64_t tokens = 0;  ///< those that mark beginning and end included
};

inline constexpr Index document_columns = 7;
static_assert(sizeof(DocumentRow) == document_columns * sizeof(std::int64_t));

}  // namespace lapidary
