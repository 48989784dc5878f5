#pragma once

#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/sums.cuh>
#include <lapidary/ops/digest.hpp>

#include <vector>

namespace lapidary {

namespace kernels {

/// The bits of an element, as `digests` counts them.
struct FloatBits {
    const float* x;
    LAPIDARY_KERNEL std::uint32_t operator()(Index i) const { return __builtin_bit_cast(std::uint32_t, x[i]); }
};
struct NarrowBits {
    const bf16* x;
    LAPIDARY_KERNEL std::uint32_t operator()(Index i) const { return x[i].bits; }
};
struct MasterBits {
    const bf16* weights;
    const std::int16_t* remainders;
    LAPIDARY_KERNEL std::uint32_t operator()(Index i) const {
        return __builtin_bit_cast(std::uint32_t, static_cast<float>(MasterWeight(weights[i], remainders[i])));
    }
};

/// Digests of the pieces into which `span` elements a block of threads and the beginnings of runs cut a vector,
/// each at the sum of the numbers of its block and its run.
template <class Bits>
struct DigestPieces {
    static constexpr int threads = 256;
    static constexpr Index span = 16 * digest_block;
    static constexpr std::size_t keys_room = digest_block * sizeof(std::uint32_t);
    static constexpr std::size_t room = keys_room + threads / 32 * sizeof(std::uint64_t);
    Bits bits;
    const Index* starts;
    std::uint64_t* pieces;
    Index runs, first, size;

    template <class Thread>
    LAPIDARY_KERNEL void operator()(Thread& thread) const {
        auto* const keys = thread.template shared<std::uint32_t>();
        auto* const sums = thread.template shared<std::uint64_t>(keys_room);
        for (int i = thread.index(); i < digest_block; i += threads) {
            keys[i] = element_key(static_cast<std::uint64_t>(i));
        }
        thread.barrier();
        Index at = first + thread.block(0) * span;
        const Index left = first + size - at, end = at + (left < span ? left : span);
        for (Index run = run_of(at); at < end; ++run) {
            const Index stop = run + 1 < runs && starts[run + 1] < end ? starts[run + 1] : end;
            std::uint64_t sum = 0;
            while (at < stop) {
                const Index next = (at / digest_block + 1) * digest_block, here = (next < stop ? next : stop) - at;
                sum += part(at, here, keys, thread.index());
                at += here;
            }
            sum = block_sum(thread, sum, sums);
            if (thread.index() == 0) pieces[thread.block(0) + run] = sum;
            thread.barrier();
        }
    }

    /// A thread's share of elements of one block of keys.
    LAPIDARY_KERNEL std::uint64_t part(Index at, Index count, const std::uint32_t* keys, int thread) const {
        const std::uint32_t* const own = keys + at % digest_block;
        std::uint64_t sum = 0;
        if (count == digest_block) {
            LAPIDARY_UNROLL
            for (int i = 0; i < digest_block / threads; ++i) {
                const int j = i * threads + thread;
                sum += std::uint64_t{bits(at - first + j)} * own[j];
            }
        } else {
            for (Index j = thread; j < count; j += threads) sum += std::uint64_t{bits(at - first + j)} * own[j];
        }
        return sum * digest_key(static_cast<std::uint64_t>(at / digest_block));
    }
    /// The last run that begins at or before a position.
    LAPIDARY_KERNEL Index run_of(Index position) const {
        Index low = 0, high = runs;
        while (high - low > 1) {
            const Index middle = (low + high) / 2;
            (starts[middle] <= position ? low : high) = middle;
        }
        return low;
    }
};

template <Gpu G, class Bits>
void digest_runs(G& gpu, Bits bits, Index first, Index size, std::span<const Index> starts,
                 std::span<std::uint64_t> sums) {
    if (size == 0) return;
    using Kernel = DigestPieces<Bits>;
    ScratchScope scope(gpu.scratch());
    const Index blocks = ceil_div(size, Kernel::span), runs = static_cast<Index>(starts.size());
    const auto begins = gpu.scratch().template allocate<Index, 1>({runs});
    const auto pieces = gpu.scratch().template allocate<std::uint64_t, 1>({blocks + runs});
    gpu.upload(starts.data(), begins.data, starts.size_bytes());
    gpu.launch({.x = blocks, .threads = Kernel::threads, .shared = Kernel::room},
               Kernel{bits, begins.data, pieces.data, runs, first, size});
    std::vector<std::uint64_t> host(static_cast<std::size_t>(pieces.size()));
    gpu.download(pieces.data, host.data(), host.size() * sizeof(std::uint64_t));
    detail::each_digest_piece(first, size, Kernel::span, starts, [&](Index piece, Index run) {
        sums[static_cast<std::size_t>(run)] += host[static_cast<std::size_t>(piece)];
    });
}

}  // namespace kernels

template <Gpu G>
void digests_on(G& gpu, ConstView<float, 1> x, Index first, std::span<const Index> starts,
                std::span<std::uint64_t> sums) {
    kernels::digest_runs(gpu, kernels::FloatBits{x.data}, first, x.size(), starts, sums);
}
template <Gpu G>
void digests_on(G& gpu, ConstView<bf16, 1> x, Index first, std::span<const Index> starts,
                std::span<std::uint64_t> sums) {
    kernels::digest_runs(gpu, kernels::NarrowBits{x.data}, first, x.size(), starts, sums);
}
template <Gpu G>
void digests_on(G& gpu, MasterWeights<const bf16> x, Index first, std::span<const Index> starts,
                std::span<std::uint64_t> sums) {
    kernels::digest_runs(gpu, kernels::MasterBits{x.weights.data, x.remainders.data}, first, x.weights.size(),
                         starts, sums);
}

}  // namespace lapidary
