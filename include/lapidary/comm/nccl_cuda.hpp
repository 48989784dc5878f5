#pragma once

#include <lapidary/core/error.hpp>

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

// The little of CUDA that Nccl needs, with errors as the library has them.

namespace lapidary::detail {

/// Throws Error(memory) if the GPU has no room, else Error(io), with CUDA's own text.
inline void check_cuda(cudaError_t result, std::string_view operation, std::string_view action) {
    if (result == cudaSuccess) return;
    throw Error(result == cudaErrorMemoryAllocation ? ErrorCode::memory : ErrorCode::io, operation,
                "CUDA cannot " + std::string(action) + ": " + cudaGetErrorString(result));
}

struct CudaRelease {
    void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
    void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
    void operator()(std::byte* memory) const { cudaFree(memory); }
};
using CudaStream = std::unique_ptr<std::remove_pointer_t<cudaStream_t>, CudaRelease>;
using CudaEvent = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, CudaRelease>;
using CudaMemory = std::unique_ptr<std::byte, CudaRelease>;

/// A stream that waits for no other, and whose work comes first where the GPU has room for one thing only.
inline CudaStream make_cuda_stream(std::string_view operation) {
    int least = 0, greatest = 0;
    cudaStream_t stream = nullptr;
    check_cuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), operation, "tell the priorities of streams");
    check_cuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, greatest), operation, "make a stream");
    return CudaStream(stream);
}

inline CudaEvent make_cuda_event(std::string_view operation) {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), operation, "make an event");
    return CudaEvent(event);
}

/// Zeros, so that no tool reports bytes that nobody wrote.
inline CudaMemory make_cuda_memory(std::size_t bytes, std::string_view operation) {
    void* memory = nullptr;
    check_cuda(cudaMalloc(&memory, bytes), operation, "allocate memory");
    CudaMemory owner(static_cast<std::byte*>(memory));
    check_cuda(cudaMemset(memory, 0, bytes), operation, "clear memory");
    return owner;
}

/// What `stream` is given from now on begins after what `other` was given until now; `event` serves for that.
inline void follow(const CudaStream& stream, const CudaEvent& event, cudaStream_t other,
                   std::string_view operation) {
    check_cuda(cudaEventRecord(event.get(), other), operation, "record an event");
    check_cuda(cudaStreamWaitEvent(stream.get(), event.get(), 0), operation, "wait for an event");
}

/// Whether what was recorded is done. Throws Error(io) for what failed on the GPU.
inline bool is_done(const CudaEvent& event, std::string_view operation) {
    const cudaError_t result = cudaEventQuery(event.get());
    if (result != cudaErrorNotReady) check_cuda(result, operation, "finish what the GPU was given");
    // Not an error, but CUDA keeps it as the last one, where a program that looks for its own would find it.
    if (result == cudaErrorNotReady && cudaPeekAtLastError() == cudaErrorNotReady) (void)cudaGetLastError();
    return result == cudaSuccess;
}

/// The GPU of this rank: `asked` if it is not negative; the only one that this process sees; the one numbered as
/// the rank on this machine, where that is known; else the current one of this thread, which it becomes. Throws
/// Error(unsupported) if there is none, Error(value) if there are too few.
inline int choose_cuda_device(int asked, std::optional<int> local_rank) {
    int count = 0, device = 0;
    const cudaError_t result = cudaGetDeviceCount(&count);
    if (result != cudaSuccess || count == 0) {
        const char* reason = result != cudaSuccess ? cudaGetErrorString(result) : "there are none";
        throw Error(ErrorCode::unsupported, "nccl", std::string("no CUDA device: ") + reason);
    }
    if (asked >= 0) {
        device = asked;
    } else if (local_rank && count > 1) {
        device = *local_rank;
    } else if (count > 1) {
        check_cuda(cudaGetDevice(&device), "nccl", "tell the current device");
    }
    if (device >= count) {
        throw Error(ErrorCode::value, "nccl",
                    "no CUDA device " + std::to_string(device) + ": this process sees " + std::to_string(count) +
                        ", and every rank needs one of its own");
    }
    check_cuda(cudaSetDevice(device), "nccl", "use device " + std::to_string(device));
    return device;
}

}  // namespace lapidary::detail
