#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/document_table.hpp>
#include <lapidary/data/window_file.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace lapidary {

/// The part of a window that comes from one document.
struct DocumentPiece {
    Index document = 0;  ///< its row in the `DocumentTable`
    Index offset = 0;    ///< tokens of the document before the piece
    Index from = 0;      ///< first column of the window that is the document's
    Index to = 0;        ///< one past the last
    friend bool operator==(const DocumentPiece&, const DocumentPiece&) = default;
};

/// The documents of a window's `context` + 1 tokens, in order; the pieces tile its columns. A window whose middles
/// were moved (fill in the middle) has the documents of the window that it was made from, at the columns that they
/// had there.
///
/// Throws Error(integrity), naming file and row, where the table does not go on as the window does: a window that
/// starts outside its document, a stream that ends or has a gap within it.
inline std::vector<DocumentPiece> documents_of(const WindowOrigin& origin, Index context,
                                               const DocumentTable& table) {
    std::vector<DocumentPiece> pieces;
    DocumentRow document = table.row(origin.document);
    if (origin.offset < 0 || origin.offset >= document.tokens) {
        table.refuse(origin.document, "has " + std::to_string(document.tokens) + " tokens, a window starts at " +
                                          std::to_string(origin.offset));
    }
    Index row = origin.document;
    Index offset = origin.offset;
    for (Index column = 0; column < context + 1;) {
        const Index count = std::min(document.tokens - offset, context + 1 - column);
        if (count > 0) pieces.push_back({row, offset, column, column + count});
        column += count;
        if (column == context + 1) break;
        const Index next = document.start + document.tokens;
        if (row + 1 == table.size()) {
            table.refuse(row, "is the last, but a window goes on for " + std::to_string(context + 1 - column) +
                                  " tokens behind it");
        }
        document = table.row(++row);
        offset = 0;
        if (document.start != next) {
            table.refuse(row, "starts at token " + std::to_string(document.start) +
                                  " of its stream, but a window goes on at " + std::to_string(next));
        }
    }
    return pieces;
}

}  // namespace lapidary
