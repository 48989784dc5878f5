#pragma once

/// Marks what kernels may call as well. It is nothing unless nvcc compiles.
#ifdef __CUDACC__
#define LAPIDARY_HOST_DEVICE __host__ __device__
#else
#define LAPIDARY_HOST_DEVICE
#endif
