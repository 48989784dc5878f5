#pragma once

#include <lapidary/cpu/column_sum.hpp>
#include <lapidary/ops/rms_norm.hpp>

#include <cmath>

namespace lapidary {

inline void rms_norm_on(Cpu& device, ConstView<float, 2> x, ConstView<float, 1> gain, double epsilon,
                        View<float, 2> y, View<float, 1> inverse_rms) {
    using namespace simd;
    const Index channels = x.extent(1);
    device.run_ranges(x.extent(0), 16, [&](Index first, Index rows, Arena&) {
        for (Index n = first; n < first + rows; ++n) {
            const float* in = x.data + n * channels;
            float* out = y.data + n * channels;
            Lanes squares = splat(0);
            for_lanes(channels, [&](Index c, Index count) {
                const Lanes value = load16(in + c, count);
                squares = fma(value, value, squares);
            });
            const float r =
                1 / std::sqrt(simd::sum(squares) / static_cast<float>(channels) + static_cast<float>(epsilon));
            inverse_rms[n] = r;
            for_lanes(channels, [&](Index c, Index count) {
                store16(out + c, load16(in + c, count) * splat(r) * load16(gain.data + c, count), count);
            });
        }
    });
}

// With r = inverse_rms and u = dy * gain: dx = r u - x r^3 mean(u x), dgain = sum over rows of dy x r.
inline void rms_norm_gradient_on(Cpu& device, ConstView<float, 3> x, ConstView<float, 1> gain,
                                 ConstView<float, 1> inverse_rms, ConstView<float, 3> dy, View<float, 3> dx,
                                 View<float, 1> dgain) {
    using namespace simd;
    const Index channels = x.extent(2);
    const Index tokens = x.extent(0) * x.extent(1);
    device.run_ranges(tokens, 16, [&](Index first, Index rows, Arena&) {
        for (Index n = first; n < first + rows; ++n) {
            const float* in = x.data + n * channels;
            const float* up = dy.data + n * channels;
            float* out = dx.data + n * channels;
            Lanes products = splat(0);
            for_lanes(channels, [&](Index c, Index count) {
                const Lanes u = load16(up + c, count) * load16(gain.data + c, count);
                products = fma(u, load16(in + c, count), products);
            });
            const float r = inverse_rms[n];
            const float shrink = -r * r * r * (simd::sum(products) / static_cast<float>(channels));
            for_lanes(channels, [&](Index c, Index count) {
                const Lanes u = load16(up + c, count) * load16(gain.data + c, count);
                const Lanes d = fma(u, splat(r), load16(in + c, count) * splat(shrink));
                store16(out + c, load16(out + c, count) + d, count);
            });
        }
    });
    cpu::add_column_sums(
        device, tokens, x.extent(1), dgain, [&](Index n, Index c, Index count, const Lanes& total) {
            const Lanes product =
                load16(dy.data + n * channels + c, count) * load16(x.data + n * channels + c, count);
            return fma(product, splat(inverse_rms[n]), total);
        });
}

}  // namespace lapidary
