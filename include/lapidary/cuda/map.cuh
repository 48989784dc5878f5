#pragma once

#include <lapidary/core/view.hpp>
#include <lapidary/cuda/gpu.hpp>
#include <lapidary/cuda/pack.cuh>

#include <cstdint>
#include <type_traits>

// What kernels share that treat elements one by one. They wait for memory alone, so each thread first asks for
// several packs, then computes.

namespace lapidary::kernels {

/// N elements as they are, in registers; read and written in accesses of up to 16 bytes.
template <class T, int N>
struct Elements {
    static constexpr int each = N < pack_size<T> ? N : pack_size<T>, words = each * sizeof(T) / 4;
    static_assert(words > 0);
    std::uint32_t at[N / each][words];

    LAPIDARY_KERNEL void load(const T* from) {
        LAPIDARY_UNROLL
        for (int part = 0; part < N / each; ++part) load_words(from + part * each, at[part]);
    }
    LAPIDARY_KERNEL void store(T* to) const {
        LAPIDARY_UNROLL
        for (int part = 0; part < N / each; ++part) store_words(at[part], to + part * each);
    }
    LAPIDARY_KERNEL T get(int i) const { return element<T>(at[i / each], i % each); }
    /// In the order of i.
    LAPIDARY_KERNEL void set(int i, T value) {
        if constexpr (sizeof(T) == sizeof(float)) {
            at[i / each][i % each] = __builtin_bit_cast(std::uint32_t, value);
        } else {
            std::uint32_t& word = at[i / each][i % each / 2];
            word = i % 2 == 0 ? value.bits : word | static_cast<std::uint32_t>(value.bits) << 16;
        }
    }
};
/// One that may be smaller than a word.
template <class T>
struct Elements<T, 1> {
    T at;

    LAPIDARY_KERNEL void load(const T* from) { at = *from; }
    LAPIDARY_KERNEL void store(T* to) const { *to = at; }
    LAPIDARY_KERNEL T get(int) const { return at; }
    LAPIDARY_KERNEL void set(int, T value) { at = value; }
};

/// Whether rows of `columns` elements that begin at `first` may be read N elements at a time.
template <int N, class T>
bool fits(const T* first, Index columns) {
    constexpr int each = N < pack_size<T> ? N : pack_size<T>;
    return columns % N == 0 && reinterpret_cast<std::uintptr_t>(first) % (each * sizeof(T)) == 0;
}

/// out[i] = function(a[i], b[i]), or of a[i] alone, or of nothing: as many as it takes. `out` may be a or b.
template <class Function, int N, class Out, class A = Out, class B = A>
struct Map {
    static constexpr int threads = 256, parts = N == 1 ? 4 : 2;
    static constexpr bool two = requires(const Function f, A x, B y) { f(x, y); };
    static constexpr bool one = requires(const Function f, A x) { f(x); };

    Function function;
    Out* out;
    Index count;
    const A* a = nullptr;
    const B* b = nullptr;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        const Index step = threads * N, first = thread.block(0) * parts * step + thread.index() * N;
        Elements<A, N> left[parts] = {};
        Elements<B, N> right[parts] = {};
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            const Index i = first + p * step;
            if (i + N > count) continue;
            if constexpr (one || two) left[p].load(a + i);
            if constexpr (two) right[p].load(b + i);
        }
        LAPIDARY_UNROLL
        for (int p = 0; p < parts; ++p) {
            Index i = first + p * step;
            if (i + N <= count) {
                Elements<Out, N> results;
                LAPIDARY_UNROLL
                for (int j = 0; j < N; ++j) results.set(j, value(left[p].get(j), right[p].get(j)));
                results.store(out + i);
            } else {
                for (; i < count; ++i) out[i] = value(one || two ? a[i] : A{}, two ? b[i] : B{});
            }
        }
    }

private:
    LAPIDARY_KERNEL Out value(A x, B y) const {
        if constexpr (two) {
            return function(x, y);
        } else if constexpr (one) {
            return function(x);
        } else {
            return function();
        }
    }
};

/// Runs `Map` over arrays as long as `out`.
template <class G, class Function, class Out, class... In>
void map(G& gpu, const Function& function, View<Out, 1> out, const In*... in) {
    const auto run = [&]<int N>(std::integral_constant<int, N>) {
        using Kernel = Map<Function, N, Out, In...>;
        const LaunchShape shape{.x = ceil_div(out.size(), Index{Kernel::threads} * Kernel::parts * N),
                                .threads = Kernel::threads};
        gpu.launch(shape, Kernel{function, out.data, out.size(), in...});
    };
    constexpr bool narrow = sizeof(Out) == sizeof(bf16) || ((sizeof(In) == sizeof(bf16)) || ...);
    if ((packs_fit(out.data, 0) && ... && packs_fit(in, 0))) {
        run(std::integral_constant < int, narrow ? pack_size<bf16> : pack_size < float >> ());
    } else {
        run(std::integral_constant<int, 1>());
    }
}

/// Rows cut into pieces of one block each. A thread of it has `Parts` times N neighbours, a block's width apart.
template <int N, int Parts>
struct RowPieces {
    static constexpr int threads = 256;
    static constexpr Index step = threads * N;

    Index columns;
    unsigned pieces;

    explicit RowPieces(Index row) : columns(row), pieces(static_cast<unsigned>(ceil_div(row, step * Parts))) {}
    [[nodiscard]] LaunchShape shape(Index rows) const { return {.x = rows * pieces, .threads = threads}; }

    template <class Thread>
    LAPIDARY_KERNEL Index row(const Thread& thread) const {
        return static_cast<unsigned>(thread.block(0)) / pieces;
    }
    /// The first column of the thread.
    template <class Thread>
    LAPIDARY_KERNEL Index first(const Thread& thread) const {
        return static_cast<unsigned>(thread.block(0)) % pieces * step * Parts + thread.index() * N;
    }
};

/// How many accesses of N elements keep enough bytes on their way.
template <class T, int N>
inline constexpr int parts_in_flight = 2 * pack_size<T> / N < 8 ? 2 * pack_size<T> / N : 8;

}  // namespace lapidary::kernels
