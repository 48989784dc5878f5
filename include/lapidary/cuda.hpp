#pragma once

// The CUDA device: `lapidary::Cuda`. Its kernels are compiled by `lapidary_add_kernels` (CMake).

#include <lapidary/cuda/device.hpp>
#include <lapidary/cuda/ops.hpp>
