#pragma once

#include <lapidary/cuda.hpp>

#include <cstdio>
#include <cstdlib>

namespace lapidary::test {

/// Where there is no GPU the program ends, and ctest says that it was skipped.
inline void skip_without_gpu() {
    int count = 0;
    if (cudaGetDeviceCount(&count) == cudaSuccess && count != 0) return;
    std::puts("skipped: what needs a GPU, because there is none");
    std::exit(77);
}

/// The GPU of this machine.
template <class T>
BasicCuda<T>& shared_gpu() {
    skip_without_gpu();
    static BasicCuda<T> gpu({.scratch_bytes = std::size_t{1} << 30});
    return gpu;
}
/// The same with all its scratch free: what was in it is gone.
template <class T>
BasicCuda<T>& fresh_gpu() {
    BasicCuda<T>& gpu = shared_gpu<T>();
    gpu.scratch().restore(0);
    return gpu;
}
/// The same GPU with memory of its own: `auto gpu = own_gpu<bf16>()`.
template <class T>
BasicCuda<T> own_gpu() {
    skip_without_gpu();
    return BasicCuda<T>({.scratch_bytes = std::size_t{1} << 28});
}

}  // namespace lapidary::test
