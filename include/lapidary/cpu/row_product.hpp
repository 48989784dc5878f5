#pragma once

#include <lapidary/cpu/pack.hpp>
#include <lapidary/ops/accumulation.hpp>

#include <utility>

// Products of a few rows, as when text is written token by token: limited by reading b once, so b is not packed.

namespace lapidary::cpu {

/// The most rows that these products take.
inline constexpr Index most_few_rows = 4;

/// A register whose element i is element pick(i) of a followed by b.
template <class Pick>
inline simd::Vec shuffled(simd::Vec a, simd::Vec b, Pick pick) {
    return [&]<int... I>(std::integer_sequence<int, I...>) {
        return __builtin_shufflevector(a, b, pick(std::integral_constant<int, I>{})...);
    }(std::make_integer_sequence<int, simd::width>{});
}

/// Transposes `simd::width` registers as a square matrix: first 4 x 4 blocks, then the blocks. (These shuffles
/// within and of quarters need no index registers on x86.)
inline void transpose_registers(simd::Vec (&rows)[simd::width]) {
    constexpr int width = simd::width;
    for (int g = 0; g < width; g += 4) {
        simd::Vec pairs[4];
        for (int half = 0; half < 2; ++half) {
            const simd::Vec a = rows[g + 2 * half], b = rows[g + 2 * half + 1];
            pairs[2 * half] = shuffled(a, b, [](auto i) { return i / 4 * 4 + i % 4 / 2 + i % 2 * width; });
            pairs[2 * half + 1] = shuffled(a, b, [](auto i) { return i / 4 * 4 + 2 + i % 4 / 2 + i % 2 * width; });
        }
        for (int half = 0; half < 2; ++half) {
            const simd::Vec a = pairs[half], b = pairs[2 + half];
            rows[g + 2 * half] = shuffled(a, b, [](auto i) { return i / 4 * 4 + i % 2 + i % 4 / 2 * width; });
            rows[g + 2 * half + 1] =
                shuffled(a, b, [](auto i) { return i / 4 * 4 + 2 + i % 2 + i % 4 / 2 * width; });
        }
    }
    // Now quarter L of row 4 g + q holds elements 4 g .. 4 g + 3 of column 4 L + q.
    if constexpr (width == 8) {
        for (int q = 0; q < 4; ++q) {
            const simd::Vec a = rows[q], b = rows[4 + q];
            rows[q] = shuffled(a, b, [](auto i) { return i % 4 + i / 4 * width; });
            rows[4 + q] = shuffled(a, b, [](auto i) { return 4 + i % 4 + i / 4 * width; });
        }
    } else if constexpr (width == 16) {
        const auto even = [](auto i) { return i / 4 % 2 * 8 + i % 4 + i / 8 * width; };  // quarters 0, 2 of each
        const auto odd = [](auto i) {
            return i / 4 % 2 * 8 + 4 + i % 4 + i / 8 * width;
        };  // quarters 1, 3 of each
        for (int q = 0; q < 4; ++q) {
            const simd::Vec a = rows[q], b = rows[4 + q], c = rows[8 + q], d = rows[12 + q];
            const simd::Vec ab_even = shuffled(a, b, even), ab_odd = shuffled(a, b, odd);
            const simd::Vec cd_even = shuffled(c, d, even), cd_odd = shuffled(c, d, odd);
            rows[q] = shuffled(ab_even, cd_even, even);
            rows[4 + q] = shuffled(ab_odd, cd_odd, even);
            rows[8 + q] = shuffled(ab_even, cd_even, odd);
            rows[12 + q] = shuffled(ab_odd, cd_odd, odd);
        }
    }
}

/// sums[r] += a(r, k) b(j, k) for `simd::width` columns j and all k of a block, in the order of k.
template <int Rows>
inline void add_few_rows(const Operand& a, const Operand& b, Index block, simd::Vec (&sums)[Rows]) {
    constexpr int width = simd::width;
    const auto step = [&](Index k, simd::Vec column) {
        for (int r = 0; r < Rows; ++r) {
            sums[r] = simd::fma(simd::broadcast(a.data[r * a.lane_stride + k * a.k_stride]), column, sums[r]);
        }
    };
    if (b.lane_stride == 1) {
        for (Index k = 0; k < block; ++k) step(k, simd::load(b.data + k * b.k_stride));
        return;
    }
    Index k = 0;
    for (; k + width <= block; k += width) {
        simd::Vec columns[width];
        for (int j = 0; j < width; ++j) {
            const float* row = b.data + j * b.lane_stride + k;
            columns[j] = simd::load(row);
            __builtin_prefetch(row + width * b.lane_stride, 0, 2);  // the next columns, into the second cache
        }
        transpose_registers(columns);
        for (int i = 0; i < width; ++i) step(k + i, columns[i]);
    }
    for (; k < block; ++k) {
        simd::Vec column{};
        for (int j = 0; j < width; ++j) column[j] = b.data[j * b.lane_stride + k];
        step(k, column);
    }
}

/// Whether `few_rows` takes this product: b must lie in memory along k or along its columns.
inline bool takes_few_rows(Index rows, Index columns, const Operand& b) {
    return rows >= 1 && rows <= most_few_rows && columns >= simd::width && (b.k_stride == 1 || b.lane_stride == 1);
}

/// As `product` (cpu/product.hpp), to the same bits, for the first columns / width * width columns; returns how
/// many.
template <int Rows>
inline Index few_rows(Index columns, Index depth, Index segment, const Operand& a, const Operand& b, float* c,
                      Index c_stride, Store store) {
    constexpr int width = simd::width;
    for (Index j = 0; j + width <= columns; j += width) {
        Store how = store;
        for_each_block(depth, segment, [&](Index first, Index block) {
            simd::Vec sums[Rows] = {};
            add_few_rows<Rows>(a.from(0, first), b.from(j, first), block, sums);
            for (int r = 0; r < Rows; ++r) {
                float* target = c + r * c_stride + j;
                simd::store(target, how == Store::add ? simd::load(target) + sums[r] : sums[r]);
            }
            how = Store::add;
        });
    }
    return columns / width * width;
}

[[gnu::noinline]] inline Index few_rows(Index rows, Index columns, Index depth, Index segment, const Operand& a,
                                        const Operand& b, float* c, Index c_stride, Store store) {
    switch (rows) {
        case 1:
            return few_rows<1>(columns, depth, segment, a, b, c, c_stride, store);
        case 2:
            return few_rows<2>(columns, depth, segment, a, b, c, c_stride, store);
        case 3:
            return few_rows<3>(columns, depth, segment, a, b, c, c_stride, store);
        default:
            return few_rows<4>(columns, depth, segment, a, b, c, c_stride, store);
    }
}

}  // namespace lapidary::cpu
