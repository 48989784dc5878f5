#pragma once

#include <lapidary/cuda/kernels.cuh>
#include <lapidary/cuda/launch.cuh>

#include <tuple>

namespace lapidary::kernels {

/// The addresses of all operations for G: the object of an explicit instantiation (`lapidary_add_kernels`) holds
/// them for the rest of the program.
template <Gpu G>
struct Launchers {
    static constexpr std::tuple table{
        &G::require_kernels,
        &fill_on<G, float>,
        &fill_on<G, bf16>,
        &copy_on<G, float>,
        &copy_on<G, bf16>,
        &add_on<G, float>,
        &add_on<G, bf16>,
        &scale_on<G>,
        &cast_on<G, float, float>,
        &cast_on<G, float, bf16>,
        &cast_on<G, bf16, float>,
        &cast_on<G, bf16, bf16>,
        &clamp_on<G>,
        &clamp_gradient_on<G>,
        &copy_heads_on<G>,
        &add_bias_on<G>,
        &bias_gradient_on<G>,
        &spread_blocks_on<G, float>,
        &spread_blocks_on<G, bf16>,
        &pick_blocks_on<G, float>,
        &pick_blocks_on<G, bf16>,
        &matmul_on<G>,
        &matmul_add_on<G>,
        &matmul_input_gradient_on<G>,
        &matmul_weight_gradient_on<G>,
        &embedding_on<G>,
        &embedding_gradient_on<G>,
        &rms_norm_on<G>,
        &rms_norm_gradient_on<G>,
        &layer_norm_on<G>,
        &layer_norm_gradient_on<G>,
        &gelu_on<G>,
        &gelu_gradient_on<G>,
        &swiglu_on<G>,
        &swiglu_gradient_on<G>,
        &rotary_on<G>,
        &attention_on<G>,
        &attention_gradient_on<G>,
        &cross_entropy_on<G>,
        &cross_entropy_gradient_on<G>,
        &adamw_on<G>,
        &adamw_narrow_on<G>,
        &rmsprop_on<G>,
        &sum_on<G>,
        &squares_by_block_on<G>,
        static_cast<void (*)(G&, ConstView<float, 1>, Index, std::span<const Index>, std::span<std::uint64_t>)>(
            &digests_on<G>),
        static_cast<void (*)(G&, ConstView<bf16, 1>, Index, std::span<const Index>, std::span<std::uint64_t>)>(
            &digests_on<G>),
        static_cast<void (*)(G&, MasterWeights<const bf16>, Index, std::span<const Index>,
                             std::span<std::uint64_t>)>(&digests_on<G>),
    };
};

}  // namespace lapidary::kernels
