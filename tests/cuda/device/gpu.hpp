#pragma once

#include <lapidary/cuda.hpp>

#include <cstdio>
#include <cstdlib>

namespace lapidary::test {

/// The GPU of this machine. Where there is none the program ends, and ctest says that it was skipped.
template <class T>
BasicCuda<T>& shared_gpu() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
        std::puts("skipped: what needs a GPU, because there is none");
        std::exit(77);
    }
    static BasicCuda<T> gpu({.scratch_bytes = std::size_t{1} << 30});
    return gpu;
}

}  // namespace lapidary::test
