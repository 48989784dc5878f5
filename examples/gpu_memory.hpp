#pragma once

#include "device_choice.hpp"

#include <lapidary/core/parameters.hpp>
#include <lapidary/cuda.hpp>

#include <algorithm>
#include <cstddef>

/// Bytes that are free on a GPU. Throws as a device does that is made there.
inline double gpu_memory(int index) {
    (void)lapidary::detail::open_gpu(index);  // and it is the current one
    std::size_t free = 0, total = 0;
    lapidary::detail::check(cudaMemGetInfo(&free, &total), "cuda");
    return static_cast<double>(free);
}

/// Bytes that a GPU needs besides a state and what a model's layers keep.
struct GpuSpare {
    double scratch = 512e6;    ///< what kernels need for a moment
    double libraries = 1.2e9;  ///< modules, workspaces, recorded work

    GpuSpare() = default;
    /// `narrow`: weights of bf16, of which products pad odd rows; `ranks`: their exchange needs memory, too.
    GpuSpare(const DeviceChoice& where, lapidary::Index tokens, lapidary::Index context,
             const lapidary::ParameterLayout& layout, lapidary::Index heads, bool narrow, bool ranks) {
        using namespace lapidary;
        double padded = 0;
        for (const Leaf& leaf : layout.leaves()) {
            if (!narrow || leaf.shape.size() != 2 || (leaf.shape[0] % 8 == 0 && leaf.shape[1] % 8 == 0)) continue;
            const Index outputs = round_up(leaf.shape[0], 8), inputs = round_up(leaf.shape[1], 8);
            const Index elements = tokens * (outputs + inputs) + outputs * inputs;
            padded = std::max(padded, 4.0 * static_cast<double>(elements));
        }
        scratch += padded;
        if (where.cudnn) {  // the gradient of one sequence's scores
            const auto length = static_cast<double>(round_up(context, 128));
            scratch += 2 * length * length * static_cast<double>(heads);
        }
        if (ranks) libraries += 400e6;
    }
};
