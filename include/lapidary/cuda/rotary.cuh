#pragma once

#include <lapidary/cuda/heads.cuh>
#include <lapidary/cuda/ops.hpp>

#include <cmath>
#include <cstdint>
#include <string>

namespace lapidary {

namespace kernels {

/// A block per position of a sequence, which computes sines and cosines once for all heads. An item is N pairs:
/// two packs, which lie half a rotation apart or beside each other.
template <class T, int N, Pairing Pairs>
struct Rotary {
    static constexpr int most_pairs = 128;

    Heads<T> x;
    Index first_position;
    const std::int32_t* starts;  ///< [B, T], of documents; null: none
    int half;                    ///< pairs of a head
    float inverse;               ///< -1 to turn back, else 1
    float frequency[most_pairs];

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        float* const cosines = thread.template shared<float>();
        float* const sines = cosines + half;
        const Index start = starts != nullptr ? starts[thread.block(0)] : 0;
        const auto position = static_cast<float>(first_position + thread.block(0) % x.time - start);
        for (int i = thread.index(); i < half; i += thread.count()) {
            const float angle = position * frequency[i];
            cosines[i] = cosf(angle);
            sines[i] = inverse * sinf(angle);
        }
        thread.barrier();
        T* const heads = heads_at(x, thread.block(0));
        const int packs = half / N, items = static_cast<int>(x.heads) * packs;
        for (int item = thread.index(); item < items; item += thread.count()) {
            const int pair = item % packs * N;
            T* const row = heads + item / packs * x.head_stride;
            T* const one = row + (Pairs == Pairing::halves ? pair : 2 * pair);
            T* const other = Pairs == Pairing::halves ? one + half : one + N;
            float values[2][N], cosine[N], sine[N];
            load<N>(one, values[0]);
            load<N>(other, values[1]);
            load<N>(cosines + pair, cosine);
            load<N>(sines + pair, sine);
            LAPIDARY_UNROLL
            for (int i = 0; i < N; ++i) {
                float& a = Pairs == Pairing::halves ? values[0][i] : values[2 * i / N][2 * i % N];
                float& c = Pairs == Pairing::halves ? values[1][i] : values[(2 * i + 1) / N][(2 * i + 1) % N];
                const float turned = a * cosine[i] - c * sine[i];
                c = c * cosine[i] + a * sine[i];
                a = turned;
            }
            store<N>(values[0], one);
            store<N>(values[1], other);
        }
    }
};

}  // namespace kernels

/// Throws Error(unsupported) for rotations of more than 256 elements.
template <Gpu G>
void rotary_on(G& gpu, Heads<Scalar<G>> x, const Positions& positions, const Rotation& rotation) {
    using T = Scalar<G>;
    const Index half = rotation.size / 2;
    if (half == 0) return;
    const auto run = [&]<int N, Pairing Pairs>(std::integral_constant<int, N>,
                                               std::integral_constant<Pairing, Pairs>) {
        using Kernel = kernels::Rotary<T, N, Pairs>;
        if (half > Kernel::most_pairs) {
            throw Error(ErrorCode::unsupported, "rotary",
                        "a GPU rotates at most " + std::to_string(2 * Kernel::most_pairs) + " elements, not " +
                            std::to_string(rotation.size));
        }
        Kernel kernel{x,
                      positions.first,
                      positions.starts.empty() ? nullptr : positions.starts.data,
                      static_cast<int>(half),
                      rotation.inverse ? -1.0F : 1.0F,
                      {}};
        // Of the host's pow: a device's differs in the last bit, which a position of thousands multiplies.
        for (Index i = 0; i < half; ++i) kernel.frequency[i] = rotary_frequency(i, rotation);
        gpu.launch({.x = x.batch * x.time,
                    .threads = kernels::threads_for(x.heads * (half / N)),
                    .shared = static_cast<std::size_t>(rotation.size) * sizeof(float)},
                   kernel);
    };
    constexpr int pack = kernels::pack_size<T>;
    const bool packs = half % pack == 0 && kernels::fits<pack>(x.data, x.head_stride) &&
                       x.batch_stride % pack == 0 && x.time_stride % pack == 0;
    const auto with_pairing = [&](auto width) {
        rotation.pairing == Pairing::halves ? run(width, std::integral_constant<Pairing, Pairing::halves>())
                                            : run(width, std::integral_constant<Pairing, Pairing::interleaved>());
    };
    packs ? with_pairing(std::integral_constant<int, pack>()) : with_pairing(std::integral_constant<int, 1>());
}

}  // namespace lapidary
