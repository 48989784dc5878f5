#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

/// Where a document lies: bytes [begin, end) of the contents (decompressed) of a file.
struct DocumentPlace {
    Index file = 0;  ///< index into the list of files
    Index line = 1;  ///< counted from 1; of a whole file 1
    Index begin = 0;
    Index end = 0;
};

/// One text, and where it came from.
struct Document {
    std::string text{};
    DocumentPlace place{};
    std::int32_t source = 0;  ///< index into the recipe's sources
    std::string label{};      ///< what it counts as; empty: its source
};

/// The first half of a text's SHA-256: equal texts have equal ones, and it is not to be expected that others do.
using TextDigest = std::array<std::uint64_t, 2>;

/// A document as the model sees it.
struct TokenizedDocument {
    std::vector<TokenId> tokens{};
    DocumentPlace place{};
    std::int32_t source = 0;
    std::string label{};
    TextDigest digest{};  ///< where duplicates are looked for
};

}  // namespace lapidary
