#pragma once

#include <lapidary/cuda/attention_rule.cuh>
#include <lapidary/cuda/head_rows.cuh>

// Attention without tensor cores, for elements that are float: correct to rounding, not quick. A block of 128
// threads owns 32 rows, four neighbouring lanes each; of a tile of 32 others a lane takes those whose number is
// its own modulo 4, and so of the columns of results.

namespace lapidary::kernels {

/// Rows of a tile in float; one element more keeps neighbouring rows in different banks.
template <int Size>
inline constexpr int float_stride = Size + 1;
inline constexpr int float_rows = 32;
inline constexpr int float_part = float_rows / 4;  ///< of a tile's rows, a lane's

template <int Size, class Thread>
LAPIDARY_KERNEL void load_floats(Thread& thread, const HeadRows<const float>& heads, const float* first, int rows,
                                 int columns, float* tile) {
    for (int i = thread.index(); i < float_rows * Size; i += thread.count()) {
        const int row = i / Size, column = i % Size;
        tile[row * float_stride<Size> + column] =
            row < rows && column < columns ? first[row * heads.time_stride + column] : 0.0F;
    }
}

/// products[i] = the row times row part + 4 i of the tile.
template <int Size>
LAPIDARY_KERNEL void multiply_row(const float* row, const float* tile, int part, float (&products)[float_part]) {
    LAPIDARY_UNROLL
    for (int i = 0; i < float_part; ++i) products[i] = 0;
    for (int c = 0; c < Size; ++c) {
        LAPIDARY_UNROLL
        for (int i = 0; i < float_part; ++i)
            products[i] = fmaf(row[c], tile[(part + 4 * i) * float_stride<Size> + c], products[i]);
    }
}

/// sums[i] += the weights times column part + 4 i of the tile.
template <int Size>
LAPIDARY_KERNEL void add_rows(const float* weights, const float* tile, int part, float (&sums)[Size / 4]) {
    for (int j = 0; j < float_rows; ++j) {
        LAPIDARY_UNROLL
        for (int i = 0; i < Size / 4; ++i)
            sums[i] = fmaf(weights[j], tile[j * float_stride<Size> + part + 4 * i], sums[i]);
    }
}

template <int Size>
LAPIDARY_KERNEL void store_floats(const float (&sums)[Size / 4], float factor, int part, int columns, float* row) {
    LAPIDARY_UNROLL
    for (int i = 0; i < Size / 4; ++i) {
        if (part + 4 * i < columns) row[part + 4 * i] = sums[i] * factor;
    }
}

/// The score of a product of the query at a position, in natural units, or -infinity; and its weight where the
/// logarithm of the sum is known.
template <class Rule>
LAPIDARY_KERNEL float float_score(const Rule& rule, float slope, int position, int distance, float product) {
    return rule.sees(position, distance) ? fmaf(-slope, static_cast<float>(distance), rule.scaled(product))
                                         : -INFINITY;
}
template <class Rule>
LAPIDARY_KERNEL float float_weight(const Rule& rule, float slope, int position, int distance, float product,
                                   float log_sum) {
    return expf(float_score(rule, slope, position, distance, product) - log_sum);
}

/// `Attention` in float. A row's bits depend on the same.
template <int Size, class Rule>
struct AttentionFloat {
    static constexpr int threads = 128, rows = float_rows, stride = float_stride<Size>;
    static constexpr std::size_t shared = rows * (3 * stride + rows + 1) * sizeof(float);

    HeadRows<const float> q, k, v;
    HeadRows<float> out;
    float* log_sum;
    Rule scoring;  // in natural units
    int queries, past, group, size;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index batch = thread.block(2);
        const int head = static_cast<int>(thread.block(1)), kv_head = head / group;
        const int first = static_cast<int>(thread.blocks(0) - 1 - thread.block(0)) * rows;
        const int here = smaller(rows, queries - first), end = past + first + here;
        const int row = thread.index() / 4, part = thread.index() % 4;
        const auto& rule = scoring.of_sequence(batch);
        float* const q_tile = thread.template shared<float>();
        float* const k_tile = q_tile + rows * stride;
        float* const v_tile = k_tile + rows * stride;
        float* const weights = v_tile + rows * stride + row * (rows + 1);
        const float slope = rule.slope(head);
        float sums[Size / 4] = {}, largest = -INFINITY, total = 0;

        load_floats<Size>(thread, q, q.row(batch, first, head), here, size, q_tile);
        for (int key = rule.first_key(past + first) / rows * rows; key < end; key += rows) {
            thread.barrier();
            load_floats<Size>(thread, k, k.row(batch, key, kv_head), end - key, size, k_tile);
            load_floats<Size>(thread, v, v.row(batch, key, kv_head), end - key, size, v_tile);
            thread.barrier();
            float scores[float_part];
            multiply_row<Size>(q_tile + row * stride, k_tile, part, scores);
            float highest = largest;
            LAPIDARY_UNROLL
            for (int i = 0; i < float_part; ++i) {
                const int position = past + first + row;
                scores[i] = float_score(rule, slope, position, position - (key + part + 4 * i), scores[i]);
                highest = fmaxf(highest, scores[i]);
            }
            highest = fmaxf(highest, thread.shuffle_xor(highest, 1));
            highest = fmaxf(highest, thread.shuffle_xor(highest, 2));
            const float base = highest == -INFINITY ? 0.0F : highest;  // nothing seen yet
            const float factor = expf(largest - base);
            largest = highest;
            float sum = 0;
            LAPIDARY_UNROLL
            for (int i = 0; i < float_part; ++i) {
                const float weight = expf(scores[i] - base);
                weights[part + 4 * i] = weight;
                sum += weight;
            }
            total = fmaf(total, factor, sum);
            LAPIDARY_UNROLL
            for (int i = 0; i < Size / 4; ++i) sums[i] *= factor;
            thread.warp_barrier();
            add_rows<Size>(weights, v_tile, part, sums);
        }
        total += thread.shuffle_xor(total, 1);
        total += thread.shuffle_xor(total, 2);
        if (row >= here) return;
        if (part == 0) log_sum[(batch * thread.blocks(1) + head) * queries + first + row] = largest + logf(total);
        store_floats<Size>(sums, 1 / total, part, size, out.row(batch, first + row, head));
    }
};

}  // namespace lapidary::kernels
