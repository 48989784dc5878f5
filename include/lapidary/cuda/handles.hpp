#pragma once

#include <lapidary/cuda/check.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

// What CUDA gives out, each with an owner that gives it back.

namespace lapidary::detail {

struct GpuRelease {
    void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
    void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
    void operator()(cublasLtHandle_t handle) const { cublasLtDestroy(handle); }
    void operator()(std::byte* memory) const { cudaFree(memory); }
};
template <class Handle>
using GpuHandle = std::unique_ptr<std::remove_pointer_t<Handle>, GpuRelease>;
using GpuStream = GpuHandle<cudaStream_t>;
using GpuEvent = GpuHandle<cudaEvent_t>;
using CublasHandle = GpuHandle<cublasLtHandle_t>;
using GpuMemory = GpuHandle<std::byte*>;

/// What is given to the default stream waits for what this one was given before, and this one for that: so
/// programs that know nothing of it, and `Nccl`, need not be told.
inline GpuStream make_gpu_stream() {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreate(&stream), "cuda");
    return GpuStream(stream);
}

inline GpuEvent make_gpu_event() {
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "cuda");
    return GpuEvent(event);
}

inline CublasHandle make_cublas_handle() {
    cublasLtHandle_t handle = nullptr;
    check(cublasLtCreate(&handle), "cuda");
    return CublasHandle(handle);
}

/// 256-byte aligned, whatever it holds; null for none. Throws Error(memory), which says what `purpose` it was for
/// and what takes less.
inline GpuMemory make_gpu_memory(std::size_t bytes, const std::string& purpose) {
    if (bytes == 0) return nullptr;
    void* memory = nullptr;
    const cudaError_t result = cudaMalloc(&memory, bytes);
    if (result != cudaErrorMemoryAllocation) {
        check(result, "cuda");
        return GpuMemory(static_cast<std::byte*>(memory));
    }
    (void)cudaGetLastError();
    std::size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    throw Error(ErrorCode::memory, "cuda",
                "no " + std::to_string(bytes) + " bytes (" + gibibytes(bytes) + ") of GPU memory for " + purpose +
                    ": " + gibibytes(free) + " of " + gibibytes(total) +
                    " are free; a smaller --micro-batch or --recompute leaves more, `plan --device` shows what "
                    "would fit");
}

}  // namespace lapidary::detail
