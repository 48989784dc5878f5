#pragma once

#include <lapidary/core/error.hpp>

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <string>
#include <string_view>

namespace lapidary::detail {

inline ErrorCode error_code(cudaError_t result) {
    switch (result) {
        case cudaErrorMemoryAllocation:
            return ErrorCode::memory;
        case cudaErrorInvalidValue:
        case cudaErrorInvalidDevice:
        case cudaErrorInvalidConfiguration:
            return ErrorCode::value;
        case cudaErrorNoDevice:
        case cudaErrorInsufficientDriver:
        case cudaErrorNoKernelImageForDevice:
        case cudaErrorInvalidDeviceFunction:
            return ErrorCode::unsupported;
        default:
            return ErrorCode::io;
    }
}

/// Throws Error for what CUDA refused, or for what failed on the GPU since: CUDA tells at the next call.
inline void check(cudaError_t result, std::string_view operation) {
    if (result == cudaSuccess) return;
    (void)cudaGetLastError();  // CUDA keeps it, where others would take it for theirs
    throw Error(error_code(result), operation, std::string("CUDA: ") + cudaGetErrorString(result));
}

inline void check(cublasStatus_t status, std::string_view operation) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    const bool supported = status != CUBLAS_STATUS_NOT_SUPPORTED && status != CUBLAS_STATUS_ARCH_MISMATCH;
    throw Error(status == CUBLAS_STATUS_ALLOC_FAILED ? ErrorCode::memory
                : supported                          ? ErrorCode::io
                                                     : ErrorCode::unsupported,
                operation, std::string("cuBLAS: ") + cublasLtGetStatusString(status));
}

/// `12.3 GiB`, for messages.
inline std::string gibibytes(std::size_t bytes) {
    const std::size_t tenths = (bytes >> 20) * 10 / 1024;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

}  // namespace lapidary::detail
