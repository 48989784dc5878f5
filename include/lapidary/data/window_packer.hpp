#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// A document as the model sees it: its ids, the end-of-sequence id last.
struct TokenizedDocument {
    std::vector<TokenId> tokens;
    std::int32_t source = 0;
    std::string file;
    Index line = 0;
    Index ordinal = 0;
};

/// `context` + 1 consecutive tokens of one source: inputs are all but the last, labels all but the first.
struct Window {
    std::vector<TokenId> tokens;
    std::int32_t source = 0;
    Index document = 0;  ///< ordinal of the document that it starts in
    Index offset = 0;    ///< tokens of that document before it
};

/// Cuts documents, laid end to end, into windows that neither overlap nor leave a token out between them.
///
/// A window never holds tokens of two sources: when the source changes, what is left of the old one (less than a
/// window) is dropped. Memory: one document and one window. Usage: `push` a document, `pop` until false, repeat.
class WindowPacker {
public:
    /// Throws Error(value) if `context` is less than 1.
    explicit WindowPacker(Index context) : length_(static_cast<std::size_t>(std::max<Index>(context, 0)) + 1) {
        if (context < 1)
            throw Error(ErrorCode::value, "pack", "a context of " + std::to_string(context) + " tokens");
    }

    /// Takes the next document. The one before must have been used up: `pop` returned false.
    void push(TokenizedDocument document) {
        if (document.source != document_.source) partial_.tokens.clear();
        document_ = std::move(document);
        position_ = 0;
    }

    /// Moves the next complete window into `window`; false when another document is needed.
    bool pop(Window& window) {
        const std::size_t count = std::min(length_ - partial_.tokens.size(), document_.tokens.size() - position_);
        if (count == 0) return false;
        if (partial_.tokens.empty()) {
            partial_.tokens.reserve(length_);
            partial_.source = document_.source;
            partial_.document = document_.ordinal;
            partial_.offset = static_cast<Index>(position_);
        }
        const auto first = document_.tokens.begin() + static_cast<std::ptrdiff_t>(position_);
        partial_.tokens.insert(partial_.tokens.end(), first, first + static_cast<std::ptrdiff_t>(count));
        position_ += count;
        if (partial_.tokens.size() < length_) return false;
        window = std::exchange(partial_, {});
        return true;
    }

private:
    std::size_t length_;
    TokenizedDocument document_;
    std::size_t position_ = 0;
    Window partial_;
};

}  // namespace lapidary
