#pragma once

#include <lapidary/cuda/launch.cuh>
#include <lapidary/cuda/ops.hpp>
#include <lapidary/cuda/rms_norm.cuh>

#include <tuple>

namespace lapidary::kernels {

/// The addresses of all operations for G: the object of an explicit instantiation (`lapidary_add_kernels`) holds
/// them for the rest of the program.
template <Gpu G>
struct Launchers {
    static constexpr std::tuple table{
        &G::require_kernels,
        &rms_norm_on<G>,
    };
};

}  // namespace lapidary::kernels
