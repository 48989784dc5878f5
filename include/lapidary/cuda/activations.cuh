#pragma once

#include <lapidary/cuda/curves.cuh>
#include <lapidary/cuda/map.cuh>
#include <lapidary/cuda/ops.hpp>

#include <cmath>

namespace lapidary {

namespace kernels {

/// gelu(x) = x gate(x), with its slope. (1 + tanh(z)) / 2 is the sigmoid of 2 z.
template <class T, Gelu Form>
struct GeluCurve {
    LAPIDARY_KERNEL static float gate(float x) {
        if constexpr (Form == Gelu::erf) {
            return normal_distribution<T>(x);
        } else {
            return sigmoid<T>(1.59576912F * fmaf(0.044715F * x * x, x, x));
        }
    }
    LAPIDARY_KERNEL static float slope(float x) {
        const float g = gate(x);
        if constexpr (Form == Gelu::erf) {
            return fmaf(0.39894228F * x, exp_of<T>(-0.5F * x * x), g);
        } else {
            return fmaf(x * g * (1.0F - g), 1.59576912F * fmaf(0.134145F * x, x, 1.0F), g);
        }
    }
};

template <class T, Gelu Form>
struct GeluOf {
    LAPIDARY_KERNEL T operator()(T x) const {
        const float value = to_float(x);
        return from_float<T>(value * GeluCurve<T, Form>::gate(value));
    }
};

template <class T, Gelu Form>
struct GeluGradient {
    LAPIDARY_KERNEL T operator()(T x, T dy) const {
        return from_float<T>(to_float(dy) * GeluCurve<T, Form>::slope(to_float(x)));
    }
};

template <class T, int N>
struct SwiGlu {
    static constexpr int parts = parts_in_flight<T, N>;
    using Pieces = RowPieces<N, parts>;

    Pieces pieces;
    const T* gate_up;
    T* out;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index width = pieces.columns, row = pieces.row(thread), first = pieces.first(thread);
        const T* const from = gate_up + 2 * row * width;
        float gates[parts][N], ups[parts][N];
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * Pieces::step;
            if (i >= width) continue;
            load<N>(from + i, gates[p]);
            load<N>(from + width + i, ups[p]);
        }
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * Pieces::step;
            if (i >= width) continue;
            float results[N];
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) results[j] = gates[p][j] * sigmoid<T>(gates[p][j]) * ups[p][j];
            store<N>(results, out + row * width + i);
        }
    }
};

/// dgate_up may be gate_up.
template <class T, int N>
struct SwiGluGradient {
    static constexpr int parts = parts_in_flight<T, N> / 2;
    using Pieces = RowPieces<N, parts>;

    Pieces pieces;
    const T* gate_up;
    const T* dout;
    T* dgate_up;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index width = pieces.columns, row = pieces.row(thread), first = pieces.first(thread);
        const T* const from = gate_up + 2 * row * width;
        T* const to = dgate_up + 2 * row * width;
        float gates[parts][N], ups[parts][N], douts[parts][N];
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * Pieces::step;
            if (i >= width) continue;
            load<N>(from + i, gates[p]);
            load<N>(from + width + i, ups[p]);
            load<N>(dout + row * width + i, douts[p]);
        }
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * Pieces::step;
            if (i >= width) continue;
            float dgates[N], dups[N];
            LAPIDARY_UNROLL
            for (int j = 0; j < N; ++j) {
                const float s = sigmoid<T>(gates[p][j]), silu = gates[p][j] * s;
                dgates[j] = douts[p][j] * ups[p][j] * fmaf(silu, 1.0F - s, s);
                dups[j] = douts[p][j] * silu;
            }
            store<N>(dgates, to + i);
            store<N>(dups, to + width + i);
        }
    }
};

/// Calls `run` with the most elements that an access to rows of `columns` may have: 16 bytes, two elements, one.
template <class T, class Run, class... Arrays>
void widest_pack(Index columns, Run&& run, const Arrays*... arrays) {
    constexpr int pack = pack_size<T>;
    if ((fits<pack>(arrays, columns) && ...)) {
        run(std::integral_constant<int, pack>());
    } else if ((fits<2>(arrays, columns) && ...)) {
        run(std::integral_constant<int, 2>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

}  // namespace kernels

template <Gpu G>
void gelu_on(G& gpu, ConstView<Scalar<G>, 1> x, Gelu form, View<Scalar<G>, 1> y) {
    using T = Scalar<G>;
    form == Gelu::erf ? kernels::map(gpu, kernels::GeluOf<T, Gelu::erf>{}, y, x.data)
                      : kernels::map(gpu, kernels::GeluOf<T, Gelu::tanh>{}, y, x.data);
}

template <Gpu G>
void gelu_gradient_on(G& gpu, ConstView<Scalar<G>, 1> x, Gelu form, ConstView<Scalar<G>, 1> dy,
                      View<Scalar<G>, 1> dx) {
    using T = Scalar<G>;
    form == Gelu::erf ? kernels::map(gpu, kernels::GeluGradient<T, Gelu::erf>{}, dx, x.data, dy.data)
                      : kernels::map(gpu, kernels::GeluGradient<T, Gelu::tanh>{}, dx, x.data, dy.data);
}

template <Gpu G>
void swiglu_on(G& gpu, ConstView<Scalar<G>, 2> gate_up, View<Scalar<G>, 2> out) {
    using T = Scalar<G>;
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = kernels::SwiGlu<T, N>;
        const typename Kernel::Pieces pieces(out.extent(1));
        gpu.launch(pieces.shape(out.extent(0)), Kernel{pieces, gate_up.data, out.data});
    };
    kernels::widest_pack<T>(out.extent(1), run, gate_up.data, out.data);
}

template <Gpu G>
void swiglu_gradient_on(G& gpu, ConstView<Scalar<G>, 2> gate_up, ConstView<Scalar<G>, 2> dout,
                        View<Scalar<G>, 2> dgate_up) {
    using T = Scalar<G>;
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = kernels::SwiGluGradient<T, N>;
        const typename Kernel::Pieces pieces(dout.extent(1));
        gpu.launch(pieces.shape(dout.extent(0)), Kernel{pieces, gate_up.data, dout.data, dgate_up.data});
    };
    kernels::widest_pack<T>(dout.extent(1), run, gate_up.data, dout.data, dgate_up.data);
}

}  // namespace lapidary
