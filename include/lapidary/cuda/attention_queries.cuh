#pragma once

#include <lapidary/cuda/attention_tiles.cuh>

namespace lapidary::kernels {

/// What both halves of attention's gradient read and how they are asked for it. Each computes the weights p and
/// the gradients of scores ds = p (dp - delta) again, with delta = dout.out of a query: seven products in all
/// where atomic additions would do with five, but every sum has one order.
template <class T, class Rule>
struct GradientInputs {
    HeadRows<const T> q, k, v, dout;
    const float* log_sum;  // [B, H, T]
    const float* delta;    // [B, H, T]
    Rule scoring;
    int time, heads, group, size;
};

/// delta[b, h, t] = dout.out: eight lanes a row, neighbouring rows are neighbouring heads. Reads each element of
/// out and dout once. N: elements of an access.
template <class T, int N>
struct AttentionDelta {
    static constexpr int threads = 256, lanes = 8, rows = threads / lanes;

    HeadRows<const T> out, dout;
    float* delta;
    Index count;  // rows
    int time, heads, size;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index row = thread.block(0) * rows + thread.index() / lanes;
        const int part = thread.index() % lanes;
        const Index head = row % heads, t = row / heads % time, batch = row / heads / time;
        float sum = 0;
        if (row < count) {
            const T* const left = out.row(batch, t, head);
            const T* const right = dout.row(batch, t, head);
            for (int c = part * N; c < size; c += lanes * N) {
                float a[N], b[N];
                load<N>(left + c, a);
                load<N>(right + c, b);
                LAPIDARY_UNROLL
                for (int i = 0; i < N; ++i) sum = fmaf(a[i], b[i], sum);
            }
        }
        LAPIDARY_UNROLL
        for (int mask = lanes / 2; mask > 0; mask /= 2) sum += thread.shuffle_xor(sum, mask);
        if (row < count && part == 0) delta[(batch * heads + head) * time + t] = sum;
    }
};

/// Gradients of one head's tile of 64 Bands queries: sums over tiles of `Keys` keys in order. ds goes from
/// registers to the product that sums dq.
///
/// For each tile of keys a block reads 4 Keys Size bytes of k and v and does three products, 384 Bands Keys Size
/// operations: 96 Bands a byte. Shared memory: q, dout, and two tiles each of k and v, of which the next arrive
/// while one is used, (256 Bands + 8 Keys) (Size + 8) bytes: 102 KiB at 128 elements, two bands and 32 keys, where
/// registers (255) also allow two blocks at a time.
template <int Size, int Bands, int Keys, class Rule>
struct AttentionQueryGradient {
    static constexpr int threads = 128;
    static constexpr int rows = 64 * Bands, keys = Keys, stride = tile_stride<Size>;
    static constexpr std::size_t shared = (2 * rows + 4 * keys) * stride * sizeof(bf16);

    GradientInputs<bf16, Rule> in;
    HeadRows<bf16> dq;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index batch = thread.block(2);
        const int head = static_cast<int>(thread.block(1));
        const int first = static_cast<int>(thread.blocks(0) - 1 - thread.block(0)) * rows;  // the longest first
        const int here = smaller(rows, in.time - first);
        const int own = thread.warp() * 16 * Bands;
        const int own_here = smaller(16 * Bands, here - own);
        const int end = first + here;
        const auto& rule = in.scoring.of_sequence(batch);
        bf16* const q_tile = thread.template shared<bf16>();
        bf16* const dout_tile = q_tile + rows * stride;
        bf16* const kv_tiles = dout_tile + rows * stride;
        const float slope = rule.slope(head);

        float log_sums[Bands][2], deltas[Bands][2], scale[Bands][2];
        const Index statistics = (batch * in.heads + head) * in.time + first + own;
        LAPIDARY_UNROLL
        for (int i = 0; i < 2 * Bands; ++i) {
            const int row = 8 * i + thread.lane() / 4;
            const bool there = row < own_here;
            log_sums[i / 2][i % 2] = there ? in.log_sum[statistics + row] * rule.unit : INFINITY;  // weights 0
            deltas[i / 2][i % 2] = there ? in.delta[statistics + row] : 0.0F;
            scale[i / 2][i % 2] = rule.scale / rule.unit;
        }
        float sums[Bands][Size / 8][4];
        clear(sums);

        int key = rule.first_key(first) / keys * keys, turn = 0;
        load_tile<rows, Size, threads>(thread, in.q, in.q.row(batch, first, head), here, in.size, q_tile);
        load_tile<rows, Size, threads>(thread, in.dout, in.dout.row(batch, first, head), here, in.size, dout_tile);
        load_keys(thread, batch, head / in.group, key, end, kv_tiles);
        for (; key < end; key += keys, turn ^= 1) {
            thread.template wait_copies<0>();
            thread.barrier();  // this tile is here, nobody reads the one before
            if (key + keys < end)
                load_keys(thread, batch, head / in.group, key + keys, end,
                          kv_tiles + (turn ^ 1) * 2 * keys * stride);
            const Sight sight = rule.sight(first + own, own_here, key, keys);
            if (sight == Sight::none) continue;
            const bf16* const k_tile = kv_tiles + turn * 2 * keys * stride;
            float p[Bands][keys / 8][4], ds[Bands][keys / 8][4];
            clear(p);
            multiply_rows<Size>(thread, q_tile + own * stride, k_tile, p);
            score_products<false>(thread, rule, slope, first + own, key, sight, p);
            clear(ds);
            multiply_rows<Size>(thread, dout_tile + own * stride, k_tile + keys * stride, ds);
            LAPIDARY_UNROLL
            for (int at = 0; at < Bands * keys / 2; ++at) {
                const int band = at / (keys / 2), n = at / 4 % (keys / 8), i = at % 4;
                ds[band][n][i] =
                    quick_exp2(p[band][n][i] - log_sums[band][i / 2]) * (ds[band][n][i] - deltas[band][i / 2]);
            }
            multiply_sums<Size>(thread, ds, k_tile, sums);
        }
        store_sums<Size>(thread, sums, scale, q_tile + own * stride, dq, dq.row(batch, first + own, head),
                         own_here, in.size);
    }

private:
    template <class Thread>
    LAPIDARY_KERNEL void load_keys(Thread& thread, Index batch, int head, int key, int end, bf16* tiles) const {
        load_tile<keys, Size, threads>(thread, in.k, in.k.row(batch, key, head), end - key, in.size, tiles);
        load_tile<keys, Size, threads>(thread, in.v, in.v.row(batch, key, head), end - key, in.size,
                                       tiles + keys * stride);
        thread.commit_copies();
    }
};

}  // namespace lapidary::kernels
