#pragma once

#include <lapidary/cuda/attention_queries.cuh>

namespace lapidary::kernels {

/// Gradients of one key-value head's tile of 64 keys and their values: sums over the heads of the group in order
/// and, in each, over tiles of `Queries` queries in order. Scores stand transposed, so that p and ds go from
/// registers to the products that sum dv and dk. `Halves`: groups of four warps that share the columns of dk and
/// dv, where they do not fit into the registers of one; each group computes p and ds for itself.
///
/// For each tile of queries a block reads 4 Queries Size bytes of q and dout and does four products, 512 Queries
/// Size operations: 128 a byte. Shared memory: k, v, and two tiles each of q and dout, of which the next arrive
/// while one is used, (256 + 8 Queries) (Size + 8) bytes and 16 Queries of statistics: 69 KiB at 128 elements and
/// 32 queries, two blocks at a time (230 registers).
template <int Size, int Queries, int Halves, class Rule>
struct AttentionKeyGradient {
    static constexpr int threads = 128 * Halves;
    static constexpr int rows = 64, queries = Queries, stride = tile_stride<Size>, width = Size / Halves;
    static constexpr std::size_t shared =
        (2 * rows + 4 * queries) * stride * sizeof(bf16) + 4 * queries * sizeof(float);
    static_assert(2 * queries <= threads);

    GradientInputs<bf16, Rule> in;
    HeadRows<bf16> dk, dv;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index batch = thread.block(2);
        const int head = static_cast<int>(thread.block(1));
        const int first = static_cast<int>(thread.block(0)) * rows;  // the longest first
        const int here = smaller(rows, in.time - first);
        const int own = thread.warp() % 4 * 16, column = thread.warp() / 4 * width;
        bf16* const k_tile = thread.template shared<bf16>();
        bf16* const v_tile = k_tile + rows * stride;
        bf16* const tiles = v_tile + rows * stride;
        float* const statistics = reinterpret_cast<float*>(tiles + 4 * queries * stride);

        // Queries that see any of these keys, in whole tiles.
        const int begin = first / queries * queries;
        const auto& rule = in.scoring.of_sequence(batch);
        const int in_reach = rule.window < in.time - first - here ? first + here - 1 + rule.window : in.time;
        const int end = rule.queries_end(first + here, in_reach);
        const int steps = (end - begin + queries - 1) / queries;

        float dk_sums[1][width / 8][4], dv_sums[1][width / 8][4];
        clear(dk_sums);
        clear(dv_sums);
        load_tile<rows, Size, threads>(thread, in.k, in.k.row(batch, first, head), here, in.size, k_tile);
        load_tile<rows, Size, threads>(thread, in.v, in.v.row(batch, first, head), here, in.size, v_tile);
        int query_head = head * in.group, query = begin;
        float statistic = load_queries(thread, batch, query_head, query, tiles);
        keep(thread, statistic, statistics);
        float slope = 0;
        int turn = 0;
        for (int left = in.group * steps; left > 0; --left, turn ^= 1) {
            thread.template wait_copies<0>();
            thread.barrier();  // this tile is here, nobody reads the one before
            const int this_query = query;
            if (query == begin) slope = rule.slope(query_head);
            query += queries;
            if (query >= end) {
                query = begin;
                ++query_head;
            }
            if (left > 1)
                statistic =
                    load_queries(thread, batch, query_head, query, tiles + (turn ^ 1) * 2 * queries * stride);
            add_tile(thread, rule, slope, this_query, first + own, column, k_tile + own * stride,
                     tiles + turn * 2 * queries * stride, statistics + turn * 2 * queries, dk_sums, dv_sums);
            if (left > 1) keep(thread, statistic, statistics + (turn ^ 1) * 2 * queries);
        }
        thread.template wait_copies<0>();
        thread.barrier();  // nobody reads k and v any more
        const float scale[1][2] = {{rule.scale / rule.unit, rule.scale / rule.unit}}, one[1][2] = {{1, 1}};
        store_sums<Size>(thread, dk_sums, scale, k_tile + own * stride + column, dk,
                         dk.row(batch, first + own, head) + column, here - own, in.size - column);
        store_sums<Size>(thread, dv_sums, one, v_tile + own * stride + column, dv,
                         dv.row(batch, first + own, head) + column, here - own, in.size - column);
    }

private:
    /// Begins to load a tile of q and dout; the value is this thread's of the logarithms and deltas beside it.
    template <class Thread>
    LAPIDARY_KERNEL float load_queries(Thread& thread, Index batch, int head, int query, bf16* tiles) const {
        if (in.group == 0) return 0;
        const int here = in.time - query;
        load_tile<queries, Size, threads>(thread, in.q, in.q.row(batch, query, head), here, in.size, tiles);
        load_tile<queries, Size, threads>(thread, in.dout, in.dout.row(batch, query, head), here, in.size,
                                          tiles + queries * stride);
        thread.commit_copies();
        const bool logarithm = thread.index() < queries;
        const int row = thread.index() - (logarithm ? 0 : queries);
        if (row >= smaller(queries, here)) return logarithm ? INFINITY : 0.0F;  // weights 0
        const float value = (logarithm ? in.log_sum : in.delta)[(batch * in.heads + head) * in.time + query + row];
        return logarithm ? value * in.scoring.unit : value;
    }
    template <class Thread>
    static LAPIDARY_KERNEL void keep(Thread& thread, float value, float* statistics) {
        if (thread.index() < 2 * queries) statistics[thread.index()] = value;
    }

    /// Adds what one tile of queries gives to the warp's 16 keys from position `key` on.
    template <class Thread>
    LAPIDARY_KERNEL void add_tile(Thread& thread, const Rule& rule, float slope, int query, int key, int column,
                                  const bf16* k_rows, const bf16* q_tile, const float* statistics,
                                  float (&dk_sums)[1][width / 8][4], float (&dv_sums)[1][width / 8][4]) const {
        const Sight sight = rule.sight(query, smaller(queries, in.time - query), key, 16);
        if (sight == Sight::none) return;
        const bf16* const dout_tile = q_tile + queries * stride;
        float p[1][queries / 8][4], ds[1][queries / 8][4];
        clear(p);
        multiply_rows<Size>(thread, k_rows, q_tile, p);
        score_products<true>(thread, rule, slope, key, query, sight, p);
        LAPIDARY_UNROLL
        for (int at = 0; at < queries / 2; ++at) {
            float& weight = p[0][at / 4][at % 4];
            weight = quick_exp2(weight - statistics[8 * (at / 4) + 2 * (thread.lane() % 4) + at % 2]);
        }
        multiply_sums<Size>(thread, p, dout_tile + column, dv_sums);
        clear(ds);
        multiply_rows<Size>(thread, k_rows + rows * stride, dout_tile, ds);
        LAPIDARY_UNROLL
        for (int at = 0; at < queries / 2; ++at) {
            float& gradient = ds[0][at / 4][at % 4];
            gradient = p[0][at / 4][at % 4] *
                       (gradient - statistics[queries + 8 * (at / 4) + 2 * (thread.lane() % 4) + at % 2]);
        }
        multiply_sums<Size>(thread, ds, q_tile + column, dk_sums);
    }
};

}  // namespace lapidary::kernels
