#pragma once

#include <lapidary/core/device.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace lapidary {

/// How many threads run a kernel, in blocks of whole warps. A launch of no blocks does nothing.
struct LaunchShape {
    Index x = 1, y = 1, z = 1;  ///< blocks
    int threads = 256;          ///< of a block
    std::size_t shared = 0;     ///< bytes of shared memory a block
};

/// out = left right, or addend + left right: matrices in row-major order without gaps. Sums are formed in float
/// and rounded once. There are no extents of zero, and of bf16 all rows, the result's too, begin at multiples of
/// 16 bytes.
template <class T, class Out>
struct Product {
    Index rows, columns, depth;  ///< out is [rows, columns]
    const T* left;               ///< [rows, depth]; transposed: [depth, rows]
    bool left_transposed;
    const T* right;  ///< [depth, columns]; transposed: [columns, depth]
    bool right_transposed;
    Out* out;
    const Out* addend;  ///< [rows, columns], may be `out`; null: none
};

namespace detail {

struct AnyKernel {
    template <class Thread>
    void operator()(Thread&) const;
};

}  // namespace detail

/// A device that runs kernels and products: `BasicCuda`, or what stands for it in tests. The operations of
/// `cuda/ops.hpp` are written for any of them.
template <class G>
concept Gpu =
    Device<G> && requires(G& gpu, const Product<Scalar<G>, Scalar<G>>& narrow,
                          const Product<Scalar<G>, Accumulator<G>>& wide, void* memory, std::size_t bytes) {
        { G::runs_kernels } -> std::convertible_to<bool>;
        gpu.multiply(narrow);
        gpu.multiply(wide);
        gpu.clear(memory, bytes);
    };

}  // namespace lapidary
