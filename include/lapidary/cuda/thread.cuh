#pragma once

#include <lapidary/core/bf16.hpp>
#include <lapidary/core/shape.hpp>

#include <cstddef>
#include <cstdint>

/// What runs on the GPU: kernels and what they call.
#ifdef __CUDACC__
#define LAPIDARY_KERNEL __device__ __forceinline__
#define LAPIDARY_UNROLL _Pragma("unroll")
#else
#define LAPIDARY_KERNEL inline
#define LAPIDARY_UNROLL
#endif

// A kernel is a function object: its arguments are its members, and
//
//     template <class Thread>
//     LAPIDARY_KERNEL void operator()(Thread& thread) const;
//
// is what each thread does. All it knows of the machine it asks `thread`, below; another implementation of the
// same functions runs kernels on the host (tests/cuda/host_gpu.hpp), where they can be watched.

#ifdef __CUDACC__

namespace lapidary::kernels {

/// A thread of a block of a launch. Blocks have whole warps of 32 threads. Functions that say "all of the warp"
/// must be reached by its 32 lanes together.
struct CudaThread {
    static constexpr int warp_size = 32;

    __device__ int index() const { return static_cast<int>(threadIdx.x); }
    __device__ int count() const { return static_cast<int>(blockDim.x); }
    __device__ int lane() const { return index() % warp_size; }
    __device__ int warp() const { return index() / warp_size; }
    /// Which block of the launch, along x (0), y (1) or z (2), and of how many.
    __device__ Index block(int axis) const { return axis == 0 ? blockIdx.x : axis == 1 ? blockIdx.y : blockIdx.z; }
    __device__ Index blocks(int axis) const { return axis == 0 ? gridDim.x : axis == 1 ? gridDim.y : gridDim.z; }

    /// The block's shared memory, as much as the launch asked for; 16-byte aligned.
    template <class T>
    __device__ T* shared(std::size_t offset_bytes = 0) const {
        extern __shared__ __align__(16) unsigned char memory[];
        return reinterpret_cast<T*>(memory + offset_bytes);
    }
    /// All threads of the block: what was written before it is seen after it.
    __device__ void barrier() { __syncthreads(); }
    /// All of the warp: the same for its lanes.
    __device__ void warp_barrier() { __syncwarp(); }
    /// All of the warp: the value of another lane.
    template <class T>
    __device__ T shuffle(T value, int from) {
        return __shfl_sync(0xffffffffU, value, from);
    }
    template <class T>
    __device__ T shuffle_xor(T value, int mask) {
        return __shfl_xor_sync(0xffffffffU, value, mask);
    }

    /// All of the warp: d += a b, a [16, 16] and b [16, 8] of bf16, d [16, 8]. With g = lane / 4 and t = lane % 4,
    /// a register holds two neighbours, the first in its low half: a = {(g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8,
    /// 2t + 8)}, b = {(2t, g), (2t + 8, g)} with neighbours along the first index, d = {(g, 2t), (g, 2t + 1),
    /// (g + 8, 2t), (g + 8, 2t + 1)}.
    __device__ void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
            "{%0,%1,%2,%3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
    /// All of the warp: four 8 x 8 matrices of bf16 from shared memory. Lane i gives the address of row i % 8 of
    /// matrix i / 8 (16 bytes, so aligned); register j receives of matrix j row lane / 4, elements 2 (lane % 4)
    /// and the next.
    __device__ void load_matrices(std::uint32_t (&to)[4], const bf16* row) {
        const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                     : "r"(address)
                     : "memory");
    }
    /// The same, each matrix transposed.
    __device__ void load_transposed(std::uint32_t (&to)[4], const bf16* row) {
        const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                     : "r"(address)
                     : "memory");
    }

    /// Begins to copy 16 aligned bytes from global to shared memory, or zeros where nothing is to be read.
    __device__ void copy_async(void* shared, const void* global, bool read) {
        const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
        const int bytes = read ? 16 : 0;
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(bytes)
                     : "memory");
    }
    /// What this thread began to copy since the last one is a group.
    __device__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
    /// Returns when all of this thread's groups but the last `Pending` have arrived. Others see them after a
    /// barrier.
    template <int Pending>
    __device__ void wait_copies() {
        asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
    }
};

}  // namespace lapidary::kernels

#endif
