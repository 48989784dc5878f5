#pragma once

#include <lapidary/cuda/attention_float.cuh>
#include <lapidary/cuda/attention_tiles.cuh>
#include <lapidary/cuda/cudnn/attention_call.hpp>
#include <lapidary/cuda/ops.hpp>

namespace lapidary {

namespace kernels {

/// Attention of one head for a tile of 64 Bands queries: scores of 64 keys at a time, which never leave registers,
/// with a running maximum and sum. `Size`: elements of a head, rounded up; `Rule`:
/// `Scoring` or `DocumentScoring`. Source: Dao, "FlashAttention-2", 2023.
///
/// For each tile of keys a block reads 256 Size bytes of k and v, mostly from the L2 cache, and does 16384 Bands
/// Size operations: 64 Bands a byte. A warp reads 512 bytes of them from shared memory for 2 Bands products of 16
/// x 8 x 16: 16 Bands operations a byte, hence two bands where registers suffice (254 of 255 at 128 elements, so
/// two blocks run at a time). Shared memory: the queries, one tile of k (the next arrives during p v) and one of v
/// (arrives during q k^T), (128 Bands + 256) (Size + 8) bytes: 68 KiB at 128 elements.
///
/// A row's bits depend only on its query, its position, and the keys and values up to there: tiles of keys lie on
/// one grid from key 0 on, and what only other rows see adds zeros. So a query decoded alone equals itself in a
/// longer sequence, in any batch. (Zeros times values: one that is not finite spreads to all rows of a tile.)
template <int Size, int Bands, class Rule>
struct Attention {
    static constexpr int threads = 128;
    static constexpr int rows = 64 * Bands, keys = 64, stride = tile_stride<Size>;
    static constexpr std::size_t shared = (rows + 2 * keys) * stride * sizeof(bf16);

    HeadRows<const bf16> q, k, v;
    HeadRows<bf16> out;
    float* log_sum;  // [B, H, Tq]
    Rule scoring;    // in powers of two
    int queries, past, group, size;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index batch = thread.block(2);
        const int head = static_cast<int>(thread.block(1)), kv_head = head / group;
        const int first = static_cast<int>(thread.blocks(0) - 1 - thread.block(0)) * rows;  // the longest first
        const int here = smaller(rows, queries - first);
        const int own = thread.warp() * 16 * Bands;  // the warp's first row, and how many it has
        const int own_here = smaller(16 * Bands, here - own);
        const int end = past + first + here;  // keys that the block sees
        const auto& rule = scoring.of_sequence(batch);
        bf16* const q_tile = thread.template shared<bf16>();
        bf16* const k_tile = q_tile + rows * stride;
        bf16* const v_tile = k_tile + keys * stride;
        const float slope = rule.slope(head);

        float products[Bands][keys / 8][4], sums[Bands][Size / 8][4];
        float largest[Bands][2], total[Bands][2];  // of rows g and g + 8; total of this lane's columns
        clear(sums);
        LAPIDARY_UNROLL
        for (int i = 0; i < 2 * Bands; ++i) {
            largest[i / 2][i % 2] = -INFINITY;
            total[i / 2][i % 2] = 0;
        }

        int key = rule.first_key(past + first) / keys * keys;
        load_tile<rows, Size, threads>(thread, q, q.row(batch, first, head), here, size, q_tile);
        load_tile<keys, Size, threads>(thread, k, k.row(batch, key, kv_head), end - key, size, k_tile);
        thread.commit_copies();
        for (; key < end; key += keys) {
            thread.template wait_copies<0>();
            thread.barrier();  // k is here, nobody reads the v before
            load_tile<keys, Size, threads>(thread, v, v.row(batch, key, kv_head), end - key, size, v_tile);
            thread.commit_copies();
            const Sight sight = rule.sight(past + first + own, own_here, key, keys);
            if (sight != Sight::none) {
                clear(products);
                multiply_rows<Size>(thread, q_tile + own * stride, k_tile, products);
            }
            thread.template wait_copies<0>();
            thread.barrier();  // v is here, nobody reads k any more
            if (sight != Sight::none) {
                score_products<false>(thread, rule, slope, past + first + own, key, sight, products);
                softmax(thread, products, largest, total, sums);
            }
            if (key + keys < end) {
                load_tile<keys, Size, threads>(thread, k, k.row(batch, key + keys, kv_head), end - key - keys,
                                               size, k_tile);
                thread.commit_copies();
            }
            if (sight != Sight::none) multiply_sums<Size>(thread, products, v_tile, sums);
        }
        finish(thread, largest, total);
        float* const logs = log_sum + (batch * thread.blocks(1) + head) * queries + first + own;
        LAPIDARY_UNROLL
        for (int i = 0; i < 2 * Bands; ++i) {
            const int row = 8 * i + thread.lane() / 4;
            if (thread.lane() % 4 == 0 && row < own_here) logs[row] = largest[i / 2][i % 2];
        }
        store_sums<Size>(thread, sums, total, q_tile + own * stride, out, out.row(batch, first + own, head),
                         own_here, size);
    }

private:
    /// Scores become weights relative to the largest score so far; what was summed before is brought to that.
    template <class Thread>
    static LAPIDARY_KERNEL void softmax(Thread& thread, float (&scores)[Bands][keys / 8][4],
                                        float (&largest)[Bands][2], float (&total)[Bands][2],
                                        float (&sums)[Bands][Size / 8][4]) {
        LAPIDARY_UNROLL
        for (int i = 0; i < 2 * Bands; ++i) {
            const int band = i / 2, half = i % 2;
            float highest = largest[band][half];
            LAPIDARY_UNROLL
            for (int n = 0; n < keys / 8; ++n) {
                highest = fmaxf(highest, fmaxf(scores[band][n][2 * half], scores[band][n][2 * half + 1]));
            }
            highest = fmaxf(highest, thread.shuffle_xor(highest, 1));
            highest = fmaxf(highest, thread.shuffle_xor(highest, 2));
            const float base = highest == -INFINITY ? 0.0F : highest;  // nothing seen yet
            const float factor = quick_exp2(largest[band][half] - base);
            largest[band][half] = highest;
            float sum = 0;
            LAPIDARY_UNROLL
            for (int n = 0; n < keys / 8; ++n) {
                LAPIDARY_UNROLL
                for (int c = 2 * half; c < 2 * half + 2; ++c) {
                    scores[band][n][c] = quick_exp2(scores[band][n][c] - base);
                    sum += scores[band][n][c];
                }
            }
            total[band][half] = fmaf(total[band][half], factor, sum);
            LAPIDARY_UNROLL
            for (int n = 0; n < Size / 8; ++n) {
                sums[band][n][2 * half] *= factor;
                sums[band][n][2 * half + 1] *= factor;
            }
        }
    }

    /// total becomes what rows of sums are to be multiplied by, largest the logarithm of the sum of exponentials.
    template <class Thread>
    static LAPIDARY_KERNEL void finish(Thread& thread, float (&largest)[Bands][2], float (&total)[Bands][2]) {
        LAPIDARY_UNROLL
        for (int i = 0; i < 2 * Bands; ++i) {
            float& sum = total[i / 2][i % 2];
            sum += thread.shuffle_xor(sum, 1);
            sum += thread.shuffle_xor(sum, 2);
            largest[i / 2][i % 2] = (largest[i / 2][i % 2] + log2f(sum)) / log2_e;
            sum = 1 / sum;
        }
    }
};

}  // namespace kernels

template <Gpu G>
void attention_on(G& gpu, Heads<const Scalar<G>> q, Heads<const Scalar<G>> k, Heads<const Scalar<G>> v,
                  const AttentionRule& rule, Heads<Scalar<G>> out, View<Accumulator<G>, 3> log_sum) {
    constexpr bool narrow = std::is_same_v<Scalar<G>, bf16>;
    if constexpr (narrow && requires(const CudnnForward& call) { gpu.compute_by_cudnn(call); }) {
        if (gpu.compute_by_cudnn(CudnnForward{q, k, v, rule, out, log_sum})) return;
    }
    const auto launch = [&](auto kernel) {
        gpu.launch(LaunchShape{.x = (q.time + kernel.rows - 1) / kernel.rows,
                               .y = q.heads,
                               .z = q.batch,
                               .threads = kernel.threads,
                               .shared = kernel.shared},
                   kernel);
    };
    const auto run = [&]<class Kernel, class Rule>(std::type_identity<Kernel>, const Rule& scoring) {
        launch(Kernel{.q = kernels::head_rows(q),
                      .k = kernels::head_rows(k),
                      .v = kernels::head_rows(v),
                      .out = kernels::head_rows(out),
                      .log_sum = log_sum.data,
                      .scoring = scoring,
                      .queries = static_cast<int>(q.time),
                      .past = static_cast<int>(k.time - q.time),
                      .group = static_cast<int>(q.heads / k.heads),
                      .size = static_cast<int>(q.size)});
    };
    const auto with_rule = [&](auto&& then) {
        kernels::with_scoring(rule, k.time, q.heads, narrow ? kernels::log2_e : 1.0F, then);
    };
    if constexpr (narrow) {
        kernels::with_head_size<16, 32, 64, 80, 96, 128, 256>(q.size, [&]<int S>(std::integral_constant<int, S>) {
            with_rule([&]<class Rule>(const Rule& scoring) {
                run(std::type_identity<kernels::Attention<S, (S <= 128 ? 2 : 1), Rule>>(), scoring);
            });
        });
    } else {
        kernels::with_head_size<32, 64, 128, 256>(q.size, [&]<int S>(std::integral_constant<int, S>) {
            with_rule([&]<class Rule>(const Rule& scoring) {
                run(std::type_identity<kernels::AttentionFloat<S, Rule>>(), scoring);
            });
        });
    }
}

}  // namespace lapidary
