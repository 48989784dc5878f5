#pragma once

#include "support.hpp"

namespace lapidary::test {

/// Flat weights with these values on a device, of bf16 with what they lack to be floats.
template <class D>
MasterWeights<Scalar<D>> place_weights(D& device, const Values& values) {
    const Shape<1> shape{static_cast<Index>(values.data.size())};
    MasterWeights<Scalar<D>> weights(scratch(device, shape));
    if constexpr (has_remainders<D>) {
        weights.remainders = device.scratch().template allocate<std::int16_t, 1>(shape);
    }
    const std::vector<Accumulator<D>> host(values.data.begin(), values.data.end());
    upload_weights(device, host.data(), weights);
    return weights;
}
template <class D>
Values read_weights(D& device, MasterWeights<Scalar<D>> weights) {
    std::vector<Accumulator<D>> host(static_cast<std::size_t>(weights.weights.size()));
    download_weights(device, {weights.weights, weights.remainders}, host.data());
    return {{host.begin(), host.end()}};
}

}  // namespace lapidary::test
