#pragma once

#include <lapidary/cuda/heads.cuh>
#include <lapidary/cuda/map.cuh>
#include <lapidary/cuda/ops.hpp>

#include <cmath>
#include <cstring>

namespace lapidary {

namespace kernels {

template <class T>
struct Fill {
    T value;
    LAPIDARY_KERNEL T operator()() const { return value; }
};

struct Copy {
    template <class T>
    LAPIDARY_KERNEL T operator()(T x) const {
        return x;
    }
};

template <class T>
struct Add {
    LAPIDARY_KERNEL T operator()(T x, T y) const { return from_float<T>(to_float(x) + to_float(y)); }
};

template <class T>
struct Scale {
    T factor;
    LAPIDARY_KERNEL T operator()(T x) const { return from_float<T>(to_float(x) * to_float(factor)); }
};

template <class From, class To>
struct Cast {
    LAPIDARY_KERNEL To operator()(From x) const { return from_float<To>(to_float(x)); }
};

/// Written so that NaN, which is neither above nor below, stays.
template <class T>
struct Clamp {
    T limit;
    LAPIDARY_KERNEL T operator()(T x) const {
        const float value = to_float(x), most = to_float(limit);
        return value > most ? limit : value < -most ? from_float<T>(-most) : x;
    }
};

template <class T>
struct ClampGradient {
    T limit;
    LAPIDARY_KERNEL T operator()(T y, T d) const {
        return fabsf(to_float(y)) >= to_float(limit) ? from_float<T>(0.0F) : d;
    }
};

}  // namespace kernels

template <Gpu G, class T>
void fill_on(G& gpu, View<T, 1> x, T value) {
    const T zero{};
    if (std::memcmp(&value, &zero, sizeof(T)) == 0) {
        gpu.clear(x.data, static_cast<std::size_t>(x.size()) * sizeof(T));
    } else {
        kernels::map(gpu, kernels::Fill<T>{value}, x);
    }
}

template <Gpu G, class T>
void copy_on(G& gpu, ConstView<T, 1> x, View<T, 1> y) {
    kernels::map(gpu, kernels::Copy{}, y, x.data);
}

template <Gpu G, class T>
void add_on(G& gpu, ConstView<T, 1> x, ConstView<T, 1> y, View<T, 1> out) {
    kernels::map(gpu, kernels::Add<T>{}, out, x.data, y.data);
}

template <Gpu G>
void scale_on(G& gpu, View<Scalar<G>, 1> x, Scalar<G> factor) {
    const Scalar<G>* const from = x.data;
    kernels::map(gpu, kernels::Scale<Scalar<G>>{factor}, x, from);
}

/// From, To: float or bf16.
template <Gpu G, class From, class To>
void cast_on(G& gpu, View<const From, 1> x, View<To, 1> y) {
    kernels::map(gpu, kernels::Cast<From, To>{}, y, x.data);
}

template <Gpu G>
void clamp_on(G& gpu, View<Scalar<G>, 1> x, Scalar<G> limit) {
    const Scalar<G>* const from = x.data;
    kernels::map(gpu, kernels::Clamp<Scalar<G>>{limit}, x, from);
}

template <Gpu G>
void clamp_gradient_on(G& gpu, ConstView<Scalar<G>, 1> y, Scalar<G> limit, View<Scalar<G>, 1> d) {
    const Scalar<G>* const from = d.data;
    kernels::map(gpu, kernels::ClampGradient<Scalar<G>>{limit}, d, y.data, from);
}

template <Gpu G>
void copy_heads_on(G& gpu, Heads<const Scalar<G>> x, Heads<Scalar<G>> y) {
    using T = Scalar<G>;
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        gpu.launch({.x = x.batch * x.time, .threads = kernels::threads_for(x.heads * (x.size / N))},
                   kernels::CopyHeads<T, N>{x, y});
    };
    constexpr int pack = kernels::pack_size<T>;
    if (kernels::heads_fit<pack>(x) && kernels::heads_fit<pack>(y)) {
        run(std::integral_constant<int, pack>());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

}  // namespace lapidary
