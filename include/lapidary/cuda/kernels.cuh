#pragma once

// All operations of cuda/ops.hpp, for any device that runs kernels.

#include <lapidary/cuda/activations.cuh>
#include <lapidary/cuda/adamw.cuh>
#include <lapidary/cuda/adamw_narrow.cuh>
#include <lapidary/cuda/attention.cuh>
#include <lapidary/cuda/attention_gradient.cuh>
#include <lapidary/cuda/bias.cuh>
#include <lapidary/cuda/block_rows.cuh>
#include <lapidary/cuda/cross_entropy.cuh>
#include <lapidary/cuda/digest.cuh>
#include <lapidary/cuda/elementwise.cuh>
#include <lapidary/cuda/embedding.cuh>
#include <lapidary/cuda/layer_norm.cuh>
#include <lapidary/cuda/matmul.cuh>
#include <lapidary/cuda/reduce.cuh>
#include <lapidary/cuda/rms_norm.cuh>
#include <lapidary/cuda/rmsprop.cuh>
#include <lapidary/cuda/rotary.cuh>
