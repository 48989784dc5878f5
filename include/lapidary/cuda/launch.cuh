#pragma once

#include <lapidary/cuda/device.hpp>
#include <lapidary/cuda/thread.cuh>

#include <cstddef>
#include <limits>
#include <string>

#ifndef __CUDACC__
#error "<lapidary/cuda/launch.cuh> is for nvcc; programs include <lapidary/cuda.hpp> and call lapidary_add_kernels"
#endif

namespace lapidary {

namespace kernels {

/// How large a block of a kernel is at most, and how many are to fit on a multiprocessor, where it says so: the
/// compiler then gives its threads no more registers than there are.
template <class Kernel>
constexpr int most_threads() {
    if constexpr (requires { Kernel::most_threads; }) {
        return Kernel::most_threads;
    } else if constexpr (requires { Kernel::threads; }) {
        return Kernel::threads;
    } else {
        return 0;
    }
}
template <class Kernel>
constexpr int least_blocks() {
    if constexpr (requires { Kernel::least_blocks; }) {
        return Kernel::least_blocks;
    } else {
        return 1;
    }
}

template <class Kernel>
__global__ void run(const __grid_constant__ Kernel kernel) {
    CudaThread thread;
    kernel(thread);
}
template <class Kernel>
__global__ void __launch_bounds__(most_threads<Kernel>(), least_blocks<Kernel>())
    run_bounded(const __grid_constant__ Kernel kernel) {
    CudaThread thread;
    kernel(thread);
}

/// What a program has if it has any kernels.
struct Nothing {
    __device__ void operator()(CudaThread&) const {}
};

}  // namespace kernels

template <class T>
template <class Kernel>
void BasicCuda<T>::launch(const LaunchShape& shape, const Kernel& kernel) {
    if (shape.x == 0 || shape.y == 0 || shape.z == 0) return;
    constexpr std::size_t without_asking = std::size_t{48} << 10;
    if (shape.x > std::numeric_limits<int>::max() || shape.y > 65535 || shape.z > 65535) {
        throw Error(ErrorCode::shape, "launch",
                    "too many blocks: " + lapidary::to_string(Shape<3>{shape.x, shape.y, shape.z}));
    }
    if (shape.shared > gpu_.shared_bytes) {
        throw Error(ErrorCode::unsupported, "launch",
                    "needs " + std::to_string(shape.shared) + " bytes of shared memory a block, " + gpu_.name +
                        " has " + std::to_string(gpu_.shared_bytes));
    }
    use();
    cudaLaunchConfig_t config{};
    config.gridDim =
        dim3(static_cast<unsigned>(shape.x), static_cast<unsigned>(shape.y), static_cast<unsigned>(shape.z));
    config.blockDim = dim3(static_cast<unsigned>(shape.threads));
    config.dynamicSmemBytes = shape.shared;
    config.stream = stream_.get();
    void (*entry)(const Kernel) = nullptr;
    if constexpr (kernels::most_threads<Kernel>() > 0) {
        entry = kernels::run_bounded<Kernel>;
    } else {
        entry = kernels::run<Kernel>;
    }
    cudaError_t result = cudaSuccess;
    if (shape.shared > without_asking) {
        result = cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                      static_cast<int>(shape.shared));
    }
    if (result == cudaSuccess) result = cudaLaunchKernelEx(&config, entry, kernel);
    detail::check_kernels(result, gpu_);
    detail::check(result, "launch");
}

template <class T>
void BasicCuda<T>::require_kernels() const {
    cudaFuncAttributes attributes{};
    const cudaError_t result = cudaFuncGetAttributes(&attributes, kernels::run<kernels::Nothing>);
    detail::check_kernels(result, gpu_);
    detail::check(result, "cuda");
}

}  // namespace lapidary
