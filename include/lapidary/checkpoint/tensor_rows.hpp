#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/models/huggingface.hpp>

#include <algorithm>
#include <utility>
#include <vector>

// Where the elements of a Hugging Face tensor lie in a flat vector, and the way between the two, in pieces that bound
// the memory taken.

namespace lapidary::detail {

/// Elements that are in host memory at once: 64 MiB in single precision.
inline constexpr Index piece_elements = Index{1} << 24;

/// Calls `visit(tensor_row, leaf_row, count)` for runs of rows that lie together in both, none of more than
/// `piece_elements` elements.
template <class Visit>
void for_each_piece(const HuggingFaceTensor& tensor, Visit&& visit) {
    const Index most = std::max<Index>(1, piece_elements / std::max<Index>(1, tensor.columns));
    Index row = 0;
    for (const LeafRows& part : tensor.rows) {
        for (Index i = 0; i < part.count; i += most) visit(row + i, part.first + i, std::min(most, part.count - i));
        row += part.count;
    }
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

/// Hands the elements of a tensor to a flat vector. `read(first, count, out)` gives elements of the file.
template <Device D, class Read>
void upload_tensor(D& device, const HuggingFaceTensor& tensor, const Leaf& leaf, View<Scalar<D>, 1> flat,
                   Read&& read) {
    std::vector<Scalar<D>> host;
    Scalar<D>* target = flat.data + leaf.offset;
    const Index columns = tensor.columns, rows = tensor.row_count();
    if (tensor.transposed) {
        read(Index{0}, rows * columns, host);
        host = transpose(host, columns, rows);
    }
    for_each_piece(tensor, [&](Index row, Index leaf_row, Index count) {
        const Scalar<D>* source = host.data() + (tensor.transposed ? row * columns : 0);
        if (!tensor.transposed) {
            read(row * columns, count * columns, host);
            source = host.data();
        }
        device.upload(source, target + leaf_row * columns,
                      static_cast<std::size_t>(count * columns) * sizeof(Scalar<D>));
    });
}

/// The reverse: `write(elements)` takes the elements of the file, piece by piece.
template <Device D, class Write>
void download_tensor(D& device, const HuggingFaceTensor& tensor, const Leaf& leaf, ConstView<Scalar<D>, 1> flat,
                     Write&& write) {
    const Scalar<D>* source = flat.data + leaf.offset;
    const Index columns = tensor.columns, rows = tensor.row_count();
    std::vector<Scalar<D>> host(tensor.transposed ? static_cast<std::size_t>(rows * columns) : 0);
    for_each_piece(tensor, [&](Index row, Index leaf_row, Index count) {
        const auto elements = static_cast<std::size_t>(count * columns);
        if (!tensor.transposed) host.resize(elements);
        device.download(source + leaf_row * columns, host.data() + (tensor.transposed ? row * columns : 0),
                        elements * sizeof(Scalar<D>));
        if (!tensor.transposed) write(std::as_const(host));
    });
    if (tensor.transposed) write(std::as_const(host = transpose(host, rows, columns)));
}

}  // namespace lapidary::detail
