#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/discards.hpp>
#include <lapidary/data/document.hpp>
#include <lapidary/data/document_parser.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/text_blocks.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace lapidary {

/// The documents of a list of files, in order, one at a time, by the rules of a recipe; see `DocumentParser`.
///
/// A damaged compressed stream is always an error, whatever the recipe says of bad documents: nothing after the
/// damage can be read.
class DocumentReader {
public:
    DocumentReader(const Recipe& recipe, const std::vector<InputFile>& files, Decoding decoding = as_stored)
        : blocks_(files, std::move(decoding), static_cast<std::size_t>(recipe.max_document_bytes)),
          parser_(recipe, files) {}

    /// Puts the next document into `document`; false after the last.
    bool next(Document& document) {
        while (position_ == documents_.size()) {
            if (!blocks_.next(block_)) return false;
            documents_ = parser_.documents(block_, discards_);
            position_ = 0;
        }
        document = std::move(documents_[position_++]);
        return true;
    }

    /// What was left out so far.
    [[nodiscard]] const DiscardCounts& discards() const { return discards_; }

private:
    TextBlockReader blocks_;
    DocumentParser parser_;
    TextBlock block_;
    std::vector<Document> documents_;
    std::size_t position_ = 0;
    DiscardCounts discards_;
};

}  // namespace lapidary
