#pragma once

#include <lapidary/cuda/attention_rule.cuh>
#include <lapidary/cuda/head_rows.cuh>

// Tiles of heads in shared memory, and the products of attention on tensor cores. A warp owns bands of 16 rows of
// a product; its sums stay in registers as `multiply_add` has them: with g = lane / 4 and t = lane % 4,
// sums[band][n] holds of rows g and g + 8 of a band the columns 8n + 2t and the next.

namespace lapidary::kernels {

/// Elements from a tile's row to the next. Eight more than a row has: 16 bytes of eight rows on end then lie in
/// different banks, which `load_matrices` wants.
template <int Size>
inline constexpr int tile_stride = Size + 8;

/// Begins to load a tile of `Rows` rows of at most `Size` elements, of which there are `rows` and `columns`, the
/// rest being 0. All threads; the tile is there after `wait_copies` and a barrier.
template <int Rows, int Size, int Threads, class Thread>
LAPIDARY_KERNEL void load_tile(Thread& thread, const HeadRows<const bf16>& heads, const bf16* first, int rows,
                               int columns, bf16* tile) {
    constexpr int packs = Size / 8, together = Threads / packs;  // of a row; rows that the threads load at a time
    const int column = thread.index() % packs * 8;
    int row = thread.index() < together * packs ? thread.index() / packs : Rows;
    tile += row * tile_stride<Size> + column;
    const bf16* from = first + row * heads.time_stride + column;
    if (heads.packed) {
        for (; row < Rows; row += together) {
            const bool read = row < rows && column < columns;
            thread.copy_async(tile, read ? from : first, read);
            tile += together * tile_stride<Size>;
            from += together * heads.time_stride;
        }
    } else {
        for (; row < Rows; row += together) {
            for (int i = 0; i < 8; ++i)
                tile[i] = row < rows && column + i < columns ? from[i] : bf16::from_bits(0);
            tile += together * tile_stride<Size>;
            from += together * heads.time_stride;
        }
    }
}

template <int Bands, int Columns>
LAPIDARY_KERNEL void clear(float (&sums)[Bands][Columns][4]) {
    LAPIDARY_UNROLL
    for (int at = 0; at < Bands * Columns * 4; ++at) sums[at / (4 * Columns)][at / 4 % Columns][at % 4] = 0;
}

/// All of the warp: sums += a b^T, a the 16 Bands rows from `a` on of a tile, b the 8 Columns rows from `b` on.
template <int Size, int Bands, int Columns, class Thread>
LAPIDARY_KERNEL void multiply_rows(Thread& thread, const bf16* a, const bf16* b,
                                   float (&sums)[Bands][Columns][4]) {
    constexpr int stride = tile_stride<Size>;
    const int lane = thread.lane();
    a += lane % 16 * stride + lane / 16 * 8;
    b += (lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8;
    LAPIDARY_UNROLL
    for (int k = 0; k < Size; k += 16) {
        std::uint32_t left[Bands][4];
        LAPIDARY_UNROLL
        for (int band = 0; band < Bands; ++band) thread.load_matrices(left[band], a + 16 * band * stride + k);
        LAPIDARY_UNROLL
        for (int n = 0; n < Columns; n += 2) {
            std::uint32_t right[4];
            thread.load_matrices(right, b + 8 * n * stride + k);
            const std::uint32_t even[2] = {right[0], right[1]}, odd[2] = {right[2], right[3]};
            LAPIDARY_UNROLL
            for (int band = 0; band < Bands; ++band) {
                thread.multiply_add(sums[band][n], left[band], even);
                thread.multiply_add(sums[band][n + 1], left[band], odd);
            }
        }
    }
}

/// All of the warp: sums += a b, a the 8 Depth columns of sums as bf16, b as many rows of a tile, from `b` on 8
/// Columns columns.
template <int Size, int Bands, int Depth, int Columns, class Thread>
LAPIDARY_KERNEL void multiply_sums(Thread& thread, const float (&a)[Bands][Depth][4], const bf16* b,
                                   float (&sums)[Bands][Columns][4]) {
    constexpr int stride = tile_stride<Size>;
    const int lane = thread.lane();
    b += lane % 16 * stride + lane / 16 * 8;
    LAPIDARY_UNROLL
    for (int k = 0; k < Depth; k += 2) {
        std::uint32_t left[Bands][4];
        LAPIDARY_UNROLL
        for (int band = 0; band < Bands; ++band) {
            left[band][0] = pack_bf16(a[band][k][0], a[band][k][1]);
            left[band][1] = pack_bf16(a[band][k][2], a[band][k][3]);
            left[band][2] = pack_bf16(a[band][k + 1][0], a[band][k + 1][1]);
            left[band][3] = pack_bf16(a[band][k + 1][2], a[band][k + 1][3]);
        }
        LAPIDARY_UNROLL
        for (int n = 0; n < Columns; n += 2) {
            std::uint32_t right[4];
            thread.load_transposed(right, b + 8 * k * stride + 8 * n);
            const std::uint32_t even[2] = {right[0], right[1]}, odd[2] = {right[2], right[3]};
            LAPIDARY_UNROLL
            for (int band = 0; band < Bands; ++band) {
                thread.multiply_add(sums[band][n], left[band], even);
                thread.multiply_add(sums[band][n + 1], left[band], odd);
            }
        }
    }
}

/// How much farther below the diagonal than the first of a lane's sums the one at place `at` lies.
template <int Columns>
LAPIDARY_KERNEL int rows_below(int at) {
    const int band = at / (4 * Columns), n = at / 4 % Columns, i = at % 4;
    return 16 * band + 8 * (i / 2) - 8 * n - i % 2;
}

/// Scores of keys before the document of the query to -infinity; rows and columns as in `score_products`.
template <bool Transposed, int Bands, int Columns, class Thread>
LAPIDARY_KERNEL void hide_other_documents(Thread&, const Scoring&, int, int, float (&)[Bands][Columns][4]) {}
template <bool Transposed, int Bands, int Columns, class Thread>
LAPIDARY_KERNEL void hide_other_documents(Thread& thread, const DocumentScoring& rule, int row, int column,
                                          float (&sums)[Bands][Columns][4]) {
    row += thread.lane() / 4;
    column += 2 * (thread.lane() % 4);
    constexpr int queries = Transposed ? 2 * Columns : 2 * Bands;  // of a lane
    LAPIDARY_UNROLL
    for (int i = 0; i < queries; ++i) {
        const int query = Transposed ? column + 8 * (i / 2) + i % 2 : row + 8 * i;
        const int start = rule.start(query) - (Transposed ? row : column);
        LAPIDARY_UNROLL
        for (int j = 0; j < (Transposed ? 2 * Bands : 2 * Columns); ++j) {
            float& sum =
                Transposed ? sums[j / 2][i / 2][2 * (j % 2) + i % 2] : sums[i / 2][j / 2][2 * (i % 2) + j % 2];
            const int key = Transposed ? 8 * j : 8 * (j / 2) + j % 2;
            if (key < start) sum = -INFINITY;
        }
    }
}

/// Products to scores, those that do not count to -infinity. Rows are queries from position `row` on, columns keys
/// from `column` on; `Transposed`: the other way round.
template <bool Transposed, int Bands, int Columns, class Thread, class Rule>
LAPIDARY_KERNEL void score_products(Thread& thread, const Rule& rule, float slope, int row, int column,
                                    Sight sight, float (&sums)[Bands][Columns][4]) {
    const int first = row + thread.lane() / 4 - (column + 2 * (thread.lane() % 4));
    LAPIDARY_UNROLL
    for (int at = 0; at < Bands * Columns * 4; ++at) {
        float& sum = sums[at / (4 * Columns)][at / 4 % Columns][at % 4];
        sum = rule.scaled(sum);
    }
    if (slope != 0) {
        const auto origin = static_cast<float>(Transposed ? -first : first);
        LAPIDARY_UNROLL
        for (int at = 0; at < Bands * Columns * 4; ++at) {
            float& sum = sums[at / (4 * Columns)][at / 4 % Columns][at % 4];
            const auto below = static_cast<float>(rows_below<Columns>(at));
            sum = fmaf(-slope, Transposed ? origin - below : origin + below, sum);
        }
    }
    if (sight != Sight::all) {
        LAPIDARY_UNROLL
        for (int at = 0; at < Bands * Columns * 4; ++at) {
            float& sum = sums[at / (4 * Columns)][at / 4 % Columns][at % 4];
            const int below = first + rows_below<Columns>(at);
            if (!rule.sees(Transposed ? -below : below)) sum = -INFINITY;
        }
        hide_other_documents<Transposed>(thread, rule, row, column, sums);
    }
}

/// All of the warp: writes the first `rows` and `columns` of sums, each row times its factor (of rows g and g + 8
/// of a band), to rows of `heads` from `first` on. They go through `room`, 16 Bands rows of a tile of the warp's
/// own, so that whole packs are written.
template <int Size, int Bands, int Columns, class Thread>
LAPIDARY_KERNEL void store_sums(Thread& thread, const float (&sums)[Bands][Columns][4],
                                const float (&factors)[Bands][2], bf16* room, const HeadRows<bf16>& heads,
                                bf16* first, int rows, int columns) {
    constexpr int stride = tile_stride<Size>, packs = Columns;
    bf16* const own = room + thread.lane() / 4 * stride + 2 * (thread.lane() % 4);
    thread.warp_barrier();  // the warp has read what was there
    LAPIDARY_UNROLL
    for (int band = 0; band < Bands; ++band) {
        LAPIDARY_UNROLL
        for (int n = 0; n < Columns; ++n) {
            const float* const at = sums[band][n];
            const float upper[2] = {at[0] * factors[band][0], at[1] * factors[band][0]};
            const float lower[2] = {at[2] * factors[band][1], at[3] * factors[band][1]};
            store<2>(upper, own + 16 * band * stride + 8 * n);
            store<2>(lower, own + (16 * band + 8) * stride + 8 * n);
        }
    }
    thread.warp_barrier();
    if (heads.packed) {
        for (int i = thread.lane(); i < 16 * Bands * packs; i += Thread::warp_size) {
            const int row = i / packs, column = i % packs * 8;
            if (row >= rows || column >= columns) continue;
            std::uint32_t eight[4];
            load_words(room + row * stride + column, eight);
            store_words(eight, first + row * heads.time_stride + column);
        }
    } else {
        for (int i = thread.lane(); i < 16 * Bands * 8 * Columns; i += Thread::warp_size) {
            const int row = i / (8 * Columns), column = i % (8 * Columns);
            if (row < rows && column < columns)
                first[row * heads.time_stride + column] = room[row * stride + column];
        }
    }
}

}  // namespace lapidary::kernels
