#pragma once

#include <lapidary/core/parameters.hpp>
#include <lapidary/core/range.hpp>
#include <lapidary/models/huggingface.hpp>

#include <algorithm>
#include <vector>

// Where the elements of a file's tensor lie in a flat vector, in pieces that bound the memory taken to move them.

namespace lapidary::detail {

/// Elements that are in host memory at once: 64 MiB in single precision.
inline constexpr Index piece_elements = Index{1} << 24;

/// Consecutive elements of a tensor in a file, and where they lie in a flat vector.
struct TensorPiece {
    Index first = 0;              ///< the tensor's element that they begin with
    std::vector<Range> flat{};    ///< one after the other
    Index rows = 0, columns = 0;  ///< if not 0, `flat` is [rows, columns] and the file has [columns, rows]

    [[nodiscard]] Index size() const {
        Index count = 0;
        for (const Range& range : flat) count += range.count;
        return count;
    }
};

/// A tensor that the file has transposed is one piece.
inline std::vector<TensorPiece> pieces_of(const HuggingFaceTensor& tensor, const Leaf& leaf) {
    std::vector<TensorPiece> pieces;
    if (tensor.transposed) {
        TensorPiece whole{.rows = tensor.row_count(), .columns = tensor.columns};
        for (const LeafRows& part : tensor.rows) {
            whole.flat.push_back({leaf.offset + part.first * tensor.columns, part.count * tensor.columns});
        }
        return {whole};
    }
    Index first = 0, room = 0;
    for (const LeafRows& part : tensor.rows) {
        Range rest{leaf.offset + part.first * tensor.columns, part.count * tensor.columns};
        while (rest.count > 0) {
            if (room == 0) {
                pieces.push_back({.first = first});
                room = piece_elements;
            }
            const Index count = std::min(rest.count, room);
            pieces.back().flat.push_back({rest.first, count});
            rest = {rest.first + count, rest.count - count};
            first += count;
            room -= count;
        }
    }
    return pieces;
}

/// A leaf as it is.
inline std::vector<TensorPiece> pieces_of(const Leaf& leaf) {
    std::vector<TensorPiece> pieces;
    for (Index i = 0; i < leaf.size(); i += piece_elements) {
        pieces.push_back({.first = i, .flat = {{leaf.offset + i, std::min(piece_elements, leaf.size() - i)}}});
    }
    return pieces;
}

/// [rows, columns] to [columns, rows].
template <class T>
std::vector<T> transpose(const std::vector<T>& in, Index rows, Index columns) {
    constexpr Index block = 32;  // of both, so that neither side walks over far more memory than the cache holds
    std::vector<T> out(in.size());
    for (Index i = 0; i < rows; i += block) {
        for (Index j = 0; j < columns; j += block) {
            for (Index r = i; r < std::min(i + block, rows); ++r) {
                for (Index c = j; c < std::min(j + block, columns); ++c) {
                    out[static_cast<std::size_t>(c * rows + r)] = in[static_cast<std::size_t>(r * columns + c)];
                }
            }
        }
    }
    return out;
}

template <class T>
void to_file_order(const TensorPiece& piece, std::vector<T>& elements) {
    if (piece.rows > 0) elements = transpose(elements, piece.rows, piece.columns);
}
template <class T>
void to_flat_order(const TensorPiece& piece, std::vector<T>& elements) {
    if (piece.rows > 0) elements = transpose(elements, piece.columns, piece.rows);
}

}  // namespace lapidary::detail
