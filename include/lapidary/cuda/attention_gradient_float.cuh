#pragma once

#include <lapidary/cuda/attention_float.cuh>
#include <lapidary/cuda/attention_queries.cuh>

namespace lapidary::kernels {

/// Gradients in float of one head's 32 queries: sums over tiles of 32 keys in order.
template <int Size, class Rule>
struct AttentionQueryGradientFloat {
    static constexpr int threads = 128, rows = float_rows, stride = float_stride<Size>;
    static constexpr std::size_t shared = rows * (4 * stride + rows + 1) * sizeof(float);

    GradientInputs<float, Rule> in;
    HeadRows<float> dq;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index batch = thread.block(2);
        const int head = static_cast<int>(thread.block(1)), kv_head = head / in.group;
        const int first = static_cast<int>(thread.blocks(0) - 1 - thread.block(0)) * rows;
        const int here = smaller(rows, in.time - first), end = first + here;
        const int row = thread.index() / 4, part = thread.index() % 4;
        const auto& rule = in.scoring.of_sequence(batch);
        float* const q_tile = thread.template shared<float>();
        float* const dout_tile = q_tile + rows * stride;
        float* const k_tile = dout_tile + rows * stride;
        float* const v_tile = k_tile + rows * stride;
        float* const ds_row = v_tile + rows * stride + row * (rows + 1);
        const Index statistic = (batch * in.heads + head) * in.time + first + row;
        const float log_sum = row < here ? in.log_sum[statistic] : INFINITY;
        const float delta = row < here ? in.delta[statistic] : 0.0F;
        const float slope = rule.slope(head);
        float sums[Size / 4] = {};

        load_floats<Size>(thread, in.q, in.q.row(batch, first, head), here, in.size, q_tile);
        load_floats<Size>(thread, in.dout, in.dout.row(batch, first, head), here, in.size, dout_tile);
        for (int key = rule.first_key(first) / rows * rows; key < end; key += rows) {
            thread.barrier();
            load_floats<Size>(thread, in.k, in.k.row(batch, key, kv_head), end - key, in.size, k_tile);
            load_floats<Size>(thread, in.v, in.v.row(batch, key, kv_head), end - key, in.size, v_tile);
            thread.barrier();
            float scores[float_part], dp[float_part];
            multiply_row<Size>(q_tile + row * stride, k_tile, part, scores);
            multiply_row<Size>(dout_tile + row * stride, v_tile, part, dp);
            LAPIDARY_UNROLL
            for (int i = 0; i < float_part; ++i) {
                const int position = first + row, distance = position - (key + part + 4 * i);
                const float weight = float_weight(rule, slope, position, distance, scores[i], log_sum);
                ds_row[part + 4 * i] = weight * (dp[i] - delta);
            }
            thread.warp_barrier();
            add_rows<Size>(ds_row, k_tile, part, sums);
        }
        if (row < here) store_floats<Size>(sums, rule.scale, part, in.size, dq.row(batch, first + row, head));
    }
};

/// Gradients in float of one key-value head's 32 keys and their values: sums over the heads of the group in order
/// and, in each, over tiles of 32 queries in order.
template <int Size, class Rule>
struct AttentionKeyGradientFloat {
    static constexpr int threads = 128, rows = float_rows, stride = float_stride<Size>;
    static constexpr std::size_t shared = rows * (4 * stride + 2 * (rows + 1) + 2) * sizeof(float);

    GradientInputs<float, Rule> in;
    HeadRows<float> dk, dv;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index batch = thread.block(2);
        const int head = static_cast<int>(thread.block(1));
        const int first = static_cast<int>(thread.block(0)) * rows;
        const int here = smaller(rows, in.time - first);
        const int row = thread.index() / 4, part = thread.index() % 4;
        const auto& rule = in.scoring.of_sequence(batch);
        float* const k_tile = thread.template shared<float>();
        float* const v_tile = k_tile + rows * stride;
        float* const q_tile = v_tile + rows * stride;
        float* const dout_tile = q_tile + rows * stride;
        float* const p_row = dout_tile + rows * stride + row * (rows + 1);
        float* const ds_row = p_row + rows * (rows + 1);
        float* const log_sums = dout_tile + rows * (stride + 2 * (rows + 1));
        float* const deltas = log_sums + rows;
        float dk_sums[Size / 4] = {}, dv_sums[Size / 4] = {};

        load_floats<Size>(thread, in.k, in.k.row(batch, first, head), here, in.size, k_tile);
        load_floats<Size>(thread, in.v, in.v.row(batch, first, head), here, in.size, v_tile);
        for (int query_head = head * in.group; query_head < (head + 1) * in.group; ++query_head) {
            const float slope = rule.slope(query_head);
            for (int query = first; query < in.time; query += rows) {
                if (rule.sight(query, rows, first, rows) == Sight::none) break;
                const int queries = in.time - query;
                thread.barrier();
                load_floats<Size>(thread, in.q, in.q.row(batch, query, query_head), queries, in.size, q_tile);
                load_floats<Size>(thread, in.dout, in.dout.row(batch, query, query_head), queries, in.size,
                                  dout_tile);
                if (part == 0) {
                    const Index statistic = (batch * in.heads + query_head) * in.time + query + row;
                    log_sums[row] = row < queries ? in.log_sum[statistic] : INFINITY;
                    deltas[row] = row < queries ? in.delta[statistic] : 0.0F;
                }
                thread.barrier();
                float scores[float_part], dp[float_part];
                multiply_row<Size>(k_tile + row * stride, q_tile, part, scores);
                multiply_row<Size>(v_tile + row * stride, dout_tile, part, dp);
                LAPIDARY_UNROLL
                for (int i = 0; i < float_part; ++i) {
                    const int at = part + 4 * i, distance = query + at - (first + row);
                    const float weight = float_weight(rule, slope, query + at, distance, scores[i], log_sums[at]);
                    p_row[at] = weight;
                    ds_row[at] = weight * (dp[i] - deltas[at]);
                }
                thread.warp_barrier();
                add_rows<Size>(p_row, dout_tile, part, dv_sums);
                add_rows<Size>(ds_row, q_tile, part, dk_sums);
            }
        }
        if (row >= here) return;
        store_floats<Size>(dk_sums, rule.scale, part, in.size, dk.row(batch, first + row, head));
        store_floats<Size>(dv_sums, 1, part, in.size, dv.row(batch, first + row, head));
    }
};

}  // namespace lapidary::kernels
