#pragma once

#include <lapidary/cuda/map.cuh>

#include <algorithm>

// Tensor cores want matrices of bf16 whose rows take a multiple of 16 bytes. Others are multiplied by way of
// copies that have them, with zeros in what was added.

namespace lapidary::kernels {

/// to[r, c] = from[r, c], or zero outside of it, plus addend[r, c] if there is one. A block per piece of a row.
template <class From, class To, int N>
struct Refit {
    static constexpr int parts = N >= 4 ? 2 : 8 / N;
    using Pieces = RowPieces<N, parts>;

    Pieces pieces;  ///< of a row of `to`
    const From* from;
    Index from_rows, from_columns, from_stride;
    To* to;
    const To* addend;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index row = pieces.row(thread), first = pieces.first(thread), begin = row * pieces.columns;
        float values[parts][N], addends[parts][N];
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * Pieces::step;
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) values[p][j] = addends[p][j] = 0.0F;
            if (row < from_rows && i < from_columns) load<N>(from + row * from_stride + i, values[p]);
            if (addend != nullptr && i < pieces.columns) load<N>(addend + begin + i, addends[p]);
        }
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * Pieces::step;
            if (i >= pieces.columns) continue;
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) values[p][j] += addends[p][j];
            store<N>(values[p], to + begin + i);
        }
    }
};

/// A matrix inside of another: so many rows of so many columns, `stride` elements apart.
template <class T>
struct Matrix {
    T* data;
    Index rows, columns, stride;
};

/// `to` has no gaps.
template <class G, class From, class To>
void refit(G& gpu, Matrix<const From> from, Matrix<To> to, const To* addend = nullptr) {
    from.rows = std::min(from.rows, to.rows);
    from.columns = std::min(from.columns, to.columns);
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = Refit<From, To, N>;
        const typename Kernel::Pieces pieces(to.columns);
        gpu.launch(pieces.shape(to.rows),
                   Kernel{pieces, from.data, from.rows, from.columns, from.stride, to.data, addend});
    };
    const auto all_fit = [&]<int N>(std::integral_constant<int, N>) {
        return fits<N>(from.data, from.columns) && from.stride % N == 0 && fits<N>(to.data, to.columns) &&
               fits<N>(addend, 0);
    };
    constexpr std::integral_constant<int, 4> four;
    constexpr std::integral_constant<int, 2> two;
    all_fit(four) ? run(four) : all_fit(two) ? run(two) : run(std::integral_constant<int, 1>());
}

/// `from`, or a copy of it in scratch where it has gaps, begins between 16 bytes, or is to become larger.
template <class G, class T>
const T* fitted(G& gpu, Matrix<const T> from, Index rows, Index columns) {
    if (from.rows == rows && from.columns == columns && from.stride == columns && packs_fit(from.data, 0))
        return from.data;
    const auto copy = gpu.scratch().template allocate<T>(Shape<2>{rows, columns});
    refit(gpu, from, Matrix<T>{copy.data, rows, columns, columns});
    return copy.data;
}

/// Elements of T in 16 bytes; only bf16 goes to tensor cores.
template <class T>
inline constexpr Index row_unit = sizeof(T) == sizeof(bf16) ? pack_size<T> : 1;

/// The product of bf16 with rows of whole 16 bytes. Rows of `left` are `left_stride` apart.
template <class G, class T, class Out>
void multiply_padded(G& gpu, Product<T, Out> p, Index left_stride) {
    const ScratchScope scope(gpu.scratch());
    const Index unit = row_unit<T>, rows = p.rows, columns = p.columns, depth = p.depth;
    p.rows = p.left_transposed ? round_up(rows, unit) : rows;
    p.columns = round_up(columns, p.right_transposed ? pack_size<Out> : unit);
    p.depth = p.left_transposed && !p.right_transposed ? depth : round_up(depth, unit);
    p.left = p.left_transposed ? fitted(gpu, Matrix<const T>{p.left, depth, rows, left_stride}, p.depth, p.rows)
                               : fitted(gpu, Matrix<const T>{p.left, rows, depth, left_stride}, p.rows, p.depth);
    p.right = p.right_transposed
                  ? fitted(gpu, Matrix<const T>{p.right, columns, depth, depth}, p.columns, p.depth)
                  : fitted(gpu, Matrix<const T>{p.right, depth, columns, columns}, p.depth, p.columns);
    if (p.rows == rows && p.columns == columns && packs_fit(p.out, 0) && packs_fit(p.addend, 0)) {
        gpu.multiply(p);
        return;
    }
    const auto by_way_of = [&]<class Sum>(Sum* result) {
        gpu.multiply(Product<T, Sum>{p.rows, p.columns, p.depth, p.left, p.left_transposed, p.right,
                                     p.right_transposed, result, nullptr});
        refit(gpu, Matrix<const Sum>{result, rows, columns, p.columns}, Matrix<Out>{p.out, rows, columns, columns},
              p.addend);
    };
    const Shape<2> padded{p.rows, p.columns};
    if (p.addend == nullptr) {
        by_way_of(gpu.scratch().template allocate<Out>(padded).data);
    } else {
        by_way_of(gpu.scratch().template allocate<float>(padded).data);  // the sum with the addend is rounded once
    }
}

/// A product of any extents; what it pads and copies is in scratch until it returns.
template <class G, class T, class Out>
void multiply(G& gpu, Product<T, Out> p) {
    if (p.rows == 0 || p.columns == 0) return;
    if (p.depth == 0) {  // nothing to add up
        const Matrix<const Out> addend{p.addend, p.addend == nullptr ? 0 : p.rows, p.columns, p.columns};
        refit(gpu, addend, Matrix<Out>{p.out, p.rows, p.columns, p.columns});
        return;
    }
    if constexpr (row_unit<T> == 1) {
        gpu.multiply(p);
    } else {
        const Index whole = p.rows / row_unit<T> * row_unit<T>;
        const Index stride = p.left_transposed ? p.rows : p.depth;
        if (p.left_transposed && 0 < whole && whole < p.rows) {
            // A gradient of weights: most of it is added in place, so that only its last few rows go by way of
            // scratch.
            Product<T, Out> most = p;
            most.rows = whole;
            multiply_padded(gpu, most, stride);
            p.rows -= whole;
            p.left += whole;
            p.out += whole * p.columns;
            if (p.addend != nullptr) p.addend += whole * p.columns;
        }
        multiply_padded(gpu, p, stride);
    }
}

}  // namespace lapidary::kernels
