#pragma once

#include <lapidary/core/arena.hpp>
#include <lapidary/cpu/pack.hpp>
#include <lapidary/cpu/row_product.hpp>
#include <lapidary/ops/accumulation.hpp>

#include <algorithm>

namespace lapidary::cpu {

/// The register tile: row_panel rows times column_panel columns of the result stay in registers while a block of
/// the summed axis passes. 8 x 48 fills 24 of AVX-512's 32 registers; narrower machines get 4 x 3 registers.
inline constexpr int column_vectors = 3;
inline constexpr int row_panel = simd::width == 16 ? 8 : 4;
inline constexpr int column_panel = column_vectors * simd::width;

/// c[Rows x Vectors registers] = or += the sum over `depth` of a (packed by row_panel) times b (packed by
/// column_panel). Each element is a chain of fused multiply-adds from zero, whatever the tile: its bits are those
/// of its row and column.
template <int Rows, int Vectors = column_vectors>
inline void register_tile(Index depth, const float* a, const float* b, float* c, Index c_stride, Store store) {
    using simd::Vec;
    Vec sums[Rows][Vectors] = {};
    // The result is needed last; by then its lines have arrived.
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 3
        for (int j = 0; j < Vectors; ++j) __builtin_prefetch(c + i * c_stride + j * simd::width, 1, 3);
    }
    for (Index k = 0; k < depth; ++k) {
        Vec columns[Vectors];
#pragma GCC unroll 3
        for (int j = 0; j < Vectors; ++j) columns[j] = simd::load(b + j * simd::width);
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            const Vec row = simd::broadcast(a[i]);
#pragma GCC unroll 3
            for (int j = 0; j < Vectors; ++j) sums[i][j] = simd::fma(row, columns[j], sums[i][j]);
        }
        a += row_panel;
        b += column_panel;
    }
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 3
        for (int j = 0; j < Vectors; ++j) {
            float* target = c + i * c_stride + j * simd::width;
            simd::store(target, store == Store::add ? simd::load(target) + sums[i][j] : sums[i][j]);
        }
    }
}

/// As `register_tile` for any number of rows up to row_panel and columns up to Vectors registers.
template <int Vectors>
inline void edge_tile(Index rows, Index columns, Index depth, const float* a, const float* b, float* c,
                      Index c_stride, Store store) {
    constexpr Index stride = Vectors * simd::width;
    alignas(64) float buffer[row_panel * stride];
    if (rows == 1) {
        register_tile<1, Vectors>(depth, a, b, buffer, stride, Store::assign);
    } else if (rows <= 4) {
        register_tile<4, Vectors>(depth, a, b, buffer, stride, Store::assign);
    } else {
        register_tile<row_panel, Vectors>(depth, a, b, buffer, stride, Store::assign);
    }
    for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < columns; ++j) {
            float& target = c[i * c_stride + j];
            target = store == Store::add ? target + buffer[i * stride + j] : buffer[i * stride + j];
        }
    }
}

/// c (+)= a b^T on one thread: c[i, j] = sum over k of a(i, k) b(j, k), in blocks of `accumulation_block` that
/// start anew at every multiple of `segment`. An empty sum is 0.
///
/// c: rows x columns with `c_stride` elements from row to row. `arena` supplies the packed panels.
inline void product(Arena& arena, Index rows, Index columns, Index depth, Index segment, const Operand& a,
                    const Operand& b, float* c, Index c_stride, Store store) {
    if (depth == 0 && store == Store::assign) {
        for (Index i = 0; i < rows; ++i) std::fill_n(c + i * c_stride, columns, 0.0F);
    }
    if (takes_few_rows(rows, columns, b)) {
        const Index done = few_rows(rows, columns, depth, segment, a, b, c, c_stride, store);
        if (done < columns) {
            product(arena, rows, columns - done, depth, segment, a, b.from(done, 0), c + done, c_stride, store);
        }
        return;
    }
    ScratchScope scope(arena);
    float* a_panels = arena.allocate<float, 1>({round_up(rows, row_panel) * accumulation_block}).data;
    float* b_panel = arena.allocate<float, 1>({column_panel * accumulation_block}).data;
    for_each_block(depth, segment, [&](Index first, Index block) {
        for (Index i = 0; i < rows; i += row_panel) {
            pack<row_panel>(a.from(i, first), std::min<Index>(row_panel, rows - i), block, a_panels + i * block);
        }
        for (Index j = 0; j < columns; j += column_panel) {
            const Index width = std::min<Index>(column_panel, columns - j);
            pack<column_panel>(b.from(j, first), width, block, b_panel);
            for (Index i = 0; i < rows; i += row_panel) {
                const Index height = std::min<Index>(row_panel, rows - i);
                float* target = c + i * c_stride + j;
                const float* panel = a_panels + i * block;
                if (height == row_panel && width == column_panel) {
                    register_tile<row_panel>(block, panel, b_panel, target, c_stride, store);
                } else if (width > simd::width) {
                    edge_tile<column_vectors>(height, width, block, panel, b_panel, target, c_stride, store);
                } else {
                    edge_tile<1>(height, width, block, panel, b_panel, target, c_stride, store);
                }
            }
        }
        store = Store::add;
    });
}

}  // namespace lapidary::cpu
