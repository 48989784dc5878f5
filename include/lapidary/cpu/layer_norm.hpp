#pragma once

#include <lapidary/cpu/column_sum.hpp>
#include <lapidary/ops/layer_norm.hpp>

#include <cmath>

namespace lapidary {

inline void layer_norm_on(Cpu& device, ConstView<float, 2> x, ConstView<float, 1> gain, ConstView<float, 1> bias,
                          double epsilon, View<float, 2> y, RowStatistics<float> statistics) {
    using namespace simd;
    const Index channels = x.extent(1);
    device.run_ranges(x.extent(0), 16, [&](Index first, Index rows, Arena&) {
        for (Index n = first; n < first + rows; ++n) {
            const float* in = x.data + n * channels;
            float* out = y.data + n * channels;
            Lanes total = splat(0), squares = splat(0);
            for_lanes(channels, [&](Index c, Index count) { total = total + load16(in + c, count); });
            const float mean = simd::sum(total) / static_cast<float>(channels);
            for_lanes(channels, [&](Index c, Index count) {
                const Lanes centred = load16(in + c, count, mean) - splat(mean);
                squares = fma(centred, centred, squares);
            });
            const float r =
                1 / std::sqrt(simd::sum(squares) / static_cast<float>(channels) + static_cast<float>(epsilon));
            statistics.mean[n] = mean;
            statistics.inverse_deviation[n] = r;
            for_lanes(channels, [&](Index c, Index count) {
                const Lanes z = (load16(in + c, count) - splat(mean)) * splat(r);
                const Lanes shift = bias.empty() ? splat(0) : load16(bias.data + c, count);
                store16(out + c, fma(z, load16(gain.data + c, count), shift), count);
            });
        }
    });
}

// With z = (x - mean) r and u = dy * gain: dx = r (u - mean(u) - z mean(u z)), dgain = sum over rows of dy z,
// dbias = sum over rows of dy.
inline void layer_norm_gradient_on(Cpu& device, ConstView<float, 3> x, ConstView<float, 1> gain,
                                   RowStatistics<float> statistics, ConstView<float, 3> dy, View<float, 3> dx,
                                   View<float, 1> dgain, View<float, 1> dbias) {
    using namespace simd;
    const Index channels = x.extent(2), tokens = x.extent(0) * x.extent(1);
    const auto normed = [&](Index n, Index c, Index count) {
        return (load16(x.data + n * channels + c, count) - splat(statistics.mean[n])) *
               splat(statistics.inverse_deviation[n]);
    };
    device.run_ranges(tokens, 16, [&](Index first, Index rows, Arena&) {
        for (Index n = first; n < first + rows; ++n) {
            const float* up = dy.data + n * channels;
            float* out = dx.data + n * channels;
            Lanes plain = splat(0), products = splat(0);
            for_lanes(channels, [&](Index c, Index count) {
                const Lanes u = load16(up + c, count) * load16(gain.data + c, count);  // 0 behind the row's end
                plain = plain + u;
                products = fma(u, normed(n, c, count), products);
            });
            const float mean = simd::sum(plain) / static_cast<float>(channels);
            const float product = simd::sum(products) / static_cast<float>(channels);
            for_lanes(channels, [&](Index c, Index count) {
                const Lanes u = load16(up + c, count) * load16(gain.data + c, count);
                const Lanes d = u - splat(mean) - normed(n, c, count) * splat(product);
                store16(out + c, fma(d, splat(statistics.inverse_deviation[n]), load16(out + c, count)), count);
            });
        }
    });
    cpu::add_column_sums(device, tokens, x.extent(1), dgain,
                         [&](Index n, Index c, Index count, const Lanes& total) {
                             return fma(load16(dy.data + n * channels + c, count), normed(n, c, count), total);
                         });
    cpu::add_column_sums(device, tokens, x.extent(1), dbias,
                         [&](Index n, Index c, Index count, const Lanes& total) {
                             return total + load16(dy.data + n * channels + c, count);
                         });
}

}  // namespace lapidary
