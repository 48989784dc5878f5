#pragma once

#include <lapidary/cuda/check.hpp>

#include <cstddef>
#include <string>

namespace lapidary::detail {

/// A GPU as CUDA describes it.
struct GpuInfo {
    int index = 0;
    std::string name;
    int capability = 0;  ///< 10 x major + minor: 80 is A100's, 90 that of H100 and H200
    int multiprocessors = 0;
    std::size_t shared_bytes = 0;  ///< shared memory that a block may ask for
};

/// `13.0` of CUDA's 13000.
inline std::string cuda_version_text(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// How many GPUs this process sees. Throws Error(unsupported) if there is none that it can use, and says why.
inline int count_gpus() {
    int count = 0, driver = 0, runtime = 0;
    const cudaError_t result = cudaGetDeviceCount(&count);
    if (result == cudaSuccess && count > 0) return count;
    (void)cudaGetLastError();
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    std::string why;
    if (driver == 0) {
        why =
            "NVIDIA's driver is not installed here, or not visible in this container; this program needs one for "
            "CUDA " +
            cuda_version_text(runtime);
    } else if (result == cudaErrorInsufficientDriver) {
        why = "NVIDIA's driver is too old: it is for CUDA " + cuda_version_text(driver) +
              ", this program was built with " + cuda_version_text(runtime) +
              "; update the driver, or build with an older CUDA";
    } else if (result == cudaSuccess || result == cudaErrorNoDevice) {
        why = "NVIDIA's driver shows this process none: see nvidia-smi and CUDA_VISIBLE_DEVICES";
    } else {
        why = std::string("NVIDIA's driver answers: ") + cudaGetErrorString(result);
    }
    throw Error(ErrorCode::unsupported, "cuda", "no NVIDIA GPU to compute on: " + why);
}

/// Makes a GPU the thread's current one. Throws Error(unsupported) where there is none, or one that is too old,
/// Error(value) for a number that none has.
inline GpuInfo open_gpu(int index) {
    const int count = count_gpus();
    if (index < 0 || index >= count) {
        throw Error(ErrorCode::value, "cuda",
                    "no GPU " + std::to_string(index) + ": this process sees " + std::to_string(count) +
                        ", counted from 0");
    }
    check(cudaSetDevice(index), "cuda");
    const auto ask = [&](cudaDeviceAttr attribute) {
        int value = 0;
        check(cudaDeviceGetAttribute(&value, attribute, index), "cuda");
        return value;
    };
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, index), "cuda");
    GpuInfo gpu{index, properties.name,
                10 * ask(cudaDevAttrComputeCapabilityMajor) + ask(cudaDevAttrComputeCapabilityMinor),
                ask(cudaDevAttrMultiProcessorCount),
                static_cast<std::size_t>(ask(cudaDevAttrMaxSharedMemoryPerBlockOptin))};
    if (gpu.capability < 80) {
        throw Error(ErrorCode::unsupported, "cuda",
                    gpu.name + " has compute capability " + std::to_string(gpu.capability / 10) + "." +
                        std::to_string(gpu.capability % 10) +
                        ", and lapidary needs 8.0, which A100 and all later ones have");
    }
    return gpu;
}

/// Throws if `result` says that this program has no kernels for the GPU.
inline void check_kernels(cudaError_t result, const GpuInfo& gpu) {
    if (result != cudaErrorNoKernelImageForDevice && result != cudaErrorInvalidDeviceFunction) return;
    (void)cudaGetLastError();
    const std::string number = std::to_string(gpu.capability) + (gpu.capability == 90 ? "a" : "");
    throw Error(ErrorCode::unsupported, "cuda",
                "this program was compiled without kernels for " + gpu.name +
                    ": configure it with -DCMAKE_CUDA_ARCHITECTURES=" + number + "-real and build it again");
}

}  // namespace lapidary::detail
