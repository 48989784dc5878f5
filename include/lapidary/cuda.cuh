#pragma once

// All kernels of the CUDA device, for the one file of a program that nvcc compiles (`lapidary_add_kernels`).

#include <lapidary/cuda/launchers.cuh>
