#pragma once

#include <lapidary/cpu/simd.hpp>

#include <cstring>

namespace lapidary::cpu {

/// A matrix inside memory: element (i, k) at data[i * lane_stride + k * k_stride], where k is the summed axis.
struct Operand {
    const float* data;
    Index lane_stride;
    Index k_stride;

    [[nodiscard]] Operand from(Index lane, Index k) const {
        return {data + lane * lane_stride + k * k_stride, lane_stride, k_stride};
    }
};

using Vec8 = float __attribute__((vector_size(32)));

/// Transposes an 8 x 8 block: rows of `row_stride` in, rows of `out_stride` out.
inline void transpose8(const float* in, Index row_stride, float* out, Index out_stride) {
    Vec8 a[8], b[8];
    for (int i = 0; i < 8; ++i) std::memcpy(&a[i], in + i * row_stride, sizeof a[i]);
    // Three rounds of interleaving row i with row i + 4 amount to a transposition.
    auto interleave = [](const Vec8* x, Vec8* y) {
        for (int i = 0; i < 4; ++i) {
            y[2 * i] = __builtin_shufflevector(x[i], x[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
            y[2 * i + 1] = __builtin_shufflevector(x[i], x[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
    };
    interleave(a, b);
    interleave(b, a);
    interleave(a, b);
    for (int i = 0; i < 8; ++i) std::memcpy(out + i * out_stride, &b[i], sizeof b[i]);
}

/// Copies `lanes` (at most Panel) x `depth` of an operand into out[k * Panel + lane]; missing lanes become zero.
template <int Panel>
inline void pack(const Operand& x, Index lanes, Index depth, float* out) {
    static_assert(Panel % 4 == 0);
    if (x.k_stride == 1 && Panel % 8 == 0) {
        const Index full = lanes / 8 * 8;
        const Index deep = depth / 8 * 8;
        for (Index lane = 0; lane < full; lane += 8) {
            const float* rows = x.data + lane * x.lane_stride;
            for (Index k = 0; k < deep; k += 8) transpose8(rows + k, x.lane_stride, out + k * Panel + lane, Panel);
            for (Index k = deep; k < depth; ++k) {
                for (Index i = 0; i < 8; ++i) out[k * Panel + lane + i] = rows[i * x.lane_stride + k];
            }
        }
        for (Index k = 0; k < depth && full < Panel; ++k) {
            for (Index lane = full; lane < Panel; ++lane) {
                out[k * Panel + lane] = lane < lanes ? x.data[lane * x.lane_stride + k] : 0.0F;
            }
        }
    } else if (x.lane_stride == 1 && lanes == Panel) {
        for (Index k = 0; k < depth; ++k)
            std::memcpy(out + k * Panel, x.data + k * x.k_stride, Panel * sizeof(float));
    } else {
        for (Index k = 0; k < depth; ++k) {
            for (Index lane = 0; lane < Panel; ++lane) {
                out[k * Panel + lane] = lane < lanes ? x.data[lane * x.lane_stride + k * x.k_stride] : 0.0F;
            }
        }
    }
}

}  // namespace lapidary::cpu
