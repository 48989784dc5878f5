#pragma once

#include <lapidary/cuda/column_sums.cuh>
#include <lapidary/cuda/row_part.cuh>
#include <lapidary/cuda/sums.cuh>

namespace lapidary::kernels {

/// Rows of a chunk of NormGradient: few enough for many blocks, enough for few partial sums.
inline constexpr int norm_chunk = 16;

template <class T>
struct NormGradientArguments {
    TokenChunks<norm_chunk> chunks;
    const T* x;
    const T* gain;
    const float* means;  // of the rows; not read unless Centred
    const float* inverses;
    const T* dy;
    T* dx;
    float* dgain;  // partial sums [chunks, columns]
    float* dbias;  // the same; null: none
    Index columns;
    bool sums_in_shared;  // where threads do not hold them
};

/// A thread's part of what is read of a row.
template <class T, int N, int Held, bool Centred>
struct NormGradientRow {
    RowPart<T, N, Held> x, dy, dx;
    float mean, inverse;

    LAPIDARY_KERNEL NormGradientRow(const NormGradientArguments<T>& a, Index n, Stripe own)
        : x(a.x + n * a.columns, own),
          dy(a.dy + n * a.columns, own),
          dx(a.dx + n * a.columns, own),
          mean(Centred ? a.means[n] : 0.0F),
          inverse(a.inverses[n]) {}

    /// z = (x - mean) inverse, and dy.
    LAPIDARY_KERNEL void get(int k, float (&z)[N], float (&up)[N]) const {
        x.get(k, z);
        dy.get(k, up);
        LAPIDARY_UNROLL
        for (int j = 0; j < N; ++j) z[j] = (z[j] - mean) * inverse;
    }
};

/// The product as it stands in a sum: what cancels there must be the same numbers here.
LAPIDARY_KERNEL float rounded_product(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
}

/// The gradient of Norm, and partial sums of those of its gain and bias. With z = (x - mean) inverse and u = dy
/// gain, dx += inverse (u - mean of u - z mean of u z), where the mean of u counts only if `Centred`; of the gain
/// dy z, of the bias dy. A block per chunk of rows, which it walks in order. Where registers allow it, a row is
/// read while the one before it is summed.
template <class T, int N, int Held, bool Centred>
struct NormGradient {
    static constexpr int most_threads = 512;                // what registers allow
    static constexpr int least_blocks = Held == 1 ? 2 : 1;  // one waits at a barrier, the other computes
    static constexpr bool ahead = Held == 1;
    static constexpr int means = Centred ? 2 : 1;  // of u z, and of u
    static constexpr int room = means * 32;        // floats for those of the warps
    using Row = NormGradientRow<T, N, Held, Centred>;
    NormGradientArguments<T> a;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index chunk = thread.block(0), first = a.chunks.first(chunk), end = a.chunks.end(chunk);
        const Stripe own{thread.index(), thread.count(), a.columns};
        float* const shared = thread.template shared<float>();
        float* const dgain = a.dgain + chunk * a.columns;
        float* const dbias = Centred && a.dbias != nullptr ? a.dbias + chunk * a.columns : nullptr;
        float* const sums = shared + 2 * room;
        RowPart<T, N, Held> gains(a.gain, own);
        PartSums<N, Held> gain_sums(a.sums_in_shared ? sums : dgain);
        PartSums<N, Held> bias_sums(a.sums_in_shared ? sums + a.columns : dbias);
        gain_sums.clear(gains);
        if (dbias != nullptr) bias_sums.clear(gains);

        Row row(a, first, own);
        for (Index n = first; n < end; ++n) {
            Row next = row;
            if (ahead && n + 1 < end) next = Row(a, n + 1, own);
            float totals[means] = {};
            LAPIDARY_UNROLL
            for (int k = 0; k < gains.packs(); ++k) {
                float z[N], up[N], factors[N];
                row.get(k, z, up);
                gains.get(k, factors);
                if constexpr (Centred) {
                    if (dbias != nullptr) bias_sums.add(gains, k, up);
                }
                LAPIDARY_UNROLL
                for (int j = 0; j < N; ++j) {
                    const float u = rounded_product(up[j], factors[j]);
                    totals[0] += u * z[j];
                    if constexpr (Centred) totals[1] += u;
                    z[j] *= up[j];
                }
                gain_sums.add(gains, k, z);
            }
            row.x.forget_floats();
            row.dy.forget_floats();
            gains.forget_floats();
            block_sums(thread, totals, shared + (n - first) % 2 * room);
            change(n, row, gains, totals);
            if (ahead) {
                row = next;
            } else if (n + 1 < end) {
                row = Row(a, n + 1, own);
            }
        }
        gain_sums.write(gains, dgain);
        if (dbias != nullptr) bias_sums.write(gains, dbias);
    }

    LAPIDARY_KERNEL void change(Index n, const Row& row, const RowPart<T, N, Held>& gains,
                                const float (&totals)[means]) const {
        const float share = 1.0F / static_cast<float>(a.columns);
        const float product = totals[0] * share, plain = Centred ? totals[means - 1] * share : 0.0F;
        LAPIDARY_UNROLL
        for (int k = 0; k < gains.packs(); ++k) {
            if (!gains.has(k)) continue;
            float z[N], up[N], factors[N], d[N];
            row.get(k, z, up);
            gains.get(k, factors);
            row.dx.get(k, d);
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) {
                d[j] += row.inverse * (rounded_product(up[j], factors[j]) - plain - z[j] * product);
            }
            store<N>(d, a.dx + n * a.columns + gains.at(k));
        }
    }
};

/// Runs NormGradient in the form that suits the rows' width and adds up its partial sums. `dbias` may be empty.
template <bool Centred, Gpu G>
void norm_gradient(G& gpu, ConstView<Scalar<G>, 3> x, ConstView<Scalar<G>, 1> gain, const float* means,
                   const float* inverses, ConstView<Scalar<G>, 3> dy, View<Scalar<G>, 3> dx,
                   View<Accumulator<G>, 1> dgain, View<Accumulator<G>, 1> dbias) {
    using T = Scalar<G>;
    constexpr int pack = pack_size<T>, most = NormGradient<T, pack, 1, Centred>::most_threads;
    const Index columns = x.extent(2), packs = columns / pack;
    const TokenChunks<norm_chunk> chunks{x.extent(0), x.extent(1)};
    if (chunks.count() == 0 || columns == 0) return;
    ScratchScope scope(gpu.scratch());
    const auto gains = accumulator_scratch(gpu, Shape<2>{chunks.count(), columns});
    const auto biases = accumulator_scratch(gpu, Shape<2>{dbias.empty() ? 0 : chunks.count(), columns});
    const auto run = [&]<int N, int Held>(NormGradient<T, N, Held, Centred>*, int threads) {
        using Kernel = NormGradient<T, N, Held, Centred>;
        const auto sums = static_cast<std::size_t>(columns * (dbias.empty() ? 1 : 2)) * sizeof(float);
        const bool in_shared = Held == 0 && sums <= std::size_t{96} * 1024;
        gpu.launch({.x = chunks.count(),
                    .threads = threads,
                    .shared = 2 * Kernel::room * sizeof(float) + (in_shared ? sums : 0)},
                   Kernel{{chunks, x.data, gain.data, means, inverses, dy.data, dx.data, gains.data,
                           dbias.empty() ? nullptr : biases.data, columns, in_shared}});
    };
    if (!packs_fit(x.data, columns) || !packs_fit(gain.data, 0) || !packs_fit(dy.data, 0) ||
        !packs_fit(dx.data, 0)) {
        run(static_cast<NormGradient<T, 1, 0, Centred>*>(nullptr), threads_for(columns, most));
    } else if (packs <= most) {
        run(static_cast<NormGradient<T, pack, 1, Centred>*>(nullptr), threads_for(packs, most));
    } else if (packs <= 2 * most) {
        run(static_cast<NormGradient<T, pack, 2, Centred>*>(nullptr), threads_for(ceil_div(packs, 2), most));
    } else {
        run(static_cast<NormGradient<T, pack, 0, Centred>*>(nullptr), most);
    }
    add_partials(gpu, chunks, gains.data, dgain);
    if (!dbias.empty()) add_partials(gpu, chunks, biases.data, dbias);
}

}  // namespace lapidary::kernels
