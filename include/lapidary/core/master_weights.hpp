#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/master_weight.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace lapidary {

/// Weights as an optimizer changes them. Where they are narrower than their gradients, remainders make exact
/// floats of them (`MasterWeight`); elsewhere there are none. `T` may be const.
template <class T>
struct MasterWeights {
    using Remainder = std::conditional_t<std::is_const_v<T>, const std::int16_t, std::int16_t>;

    View<T, 1> weights;
    View<Remainder, 1> remainders{};

    MasterWeights() = default;
    MasterWeights(View<T, 1> vector) : weights(vector) {}  // NOLINT: weights that need no remainders
    MasterWeights(View<T, 1> vector, View<Remainder, 1> missing) : weights(vector), remainders(missing) {}

    [[nodiscard]] MasterWeights slice(Index first, Index count) const {
        return {weights.slice(first, count), remainders.empty() ? remainders : remainders.slice(first, count)};
    }
};

/// Whether a device's weights need remainders to be exact.
template <Device D>
inline constexpr bool has_remainders = !std::is_same_v<Scalar<D>, Accumulator<D>>;

/// Values in host memory to weights on the device; without room for remainders, bf16 weights are rounded.
template <Device D>
void upload_weights(D& device, const Accumulator<D>* values, MasterWeights<Scalar<D>> target) {
    const auto count = static_cast<std::size_t>(target.weights.size());
    if constexpr (has_remainders<D>) {
        std::vector<Scalar<D>> weights(count);
        std::vector<std::int16_t> remainders(count);
        for (std::size_t i = 0; i < count; ++i) {
            const MasterWeight split(values[i]);
            weights[i] = split.weight;
            remainders[i] = split.remainder;
        }
        device.upload(weights.data(), target.weights.data, count * sizeof(Scalar<D>));
        if (!target.remainders.empty()) {
            device.upload(remainders.data(), target.remainders.data, count * sizeof(std::int16_t));
        }
    } else {
        device.upload(values, target.weights.data, count * sizeof(Scalar<D>));
    }
}

/// Weights on the device to exact values in host memory.
template <Device D>
void download_weights(D& device, MasterWeights<const Scalar<D>> source, Accumulator<D>* values) {
    const auto count = static_cast<std::size_t>(source.weights.size());
    if constexpr (has_remainders<D>) {
        std::vector<Scalar<D>> weights(count);
        std::vector<std::int16_t> remainders(count, 0);
        device.download(source.weights.data, weights.data(), count * sizeof(Scalar<D>));
        if (!source.remainders.empty()) {
            device.download(source.remainders.data, remainders.data(), count * sizeof(std::int16_t));
        }
        for (std::size_t i = 0; i < count; ++i) {
            values[i] = static_cast<float>(MasterWeight(weights[i], remainders[i]));
        }
    } else {
        device.download(source.weights.data, values, count * sizeof(Scalar<D>));
    }
}

}  // namespace lapidary
