#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/ops/check.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

struct InitializeOptions {
    std::uint64_t seed = 0;
};

namespace detail {

/// Element i of a parameter, not yet rounded.
inline double initial_value(const Initializer& initializer, const Philox& random, std::uint64_t i) {
    if (initializer.kind == Initializer::Kind::constant) return initializer.value;
    double draw = random.normal(i);
    if (initializer.kind == Initializer::Kind::truncated_normal) {
        // Further draws for the same element stand far behind those of all elements.
        for (std::uint64_t attempt = 1; std::abs(draw) > 2; ++attempt) draw = random.normal(i + (attempt << 48));
    }
    return initializer.value * draw;
}

}  // namespace detail

/// Draws initial weights: element i of a parameter is a pure function of (seed, parameter's name, i), so neither
/// the device nor the order of parameters nor the number of ranks matters. `weights` are those of a range of the
/// layout. Throws Error(shape) unless they are as many.
template <Device D>
void initialize(D& device, const ParameterLayout& layout, Range range, View<Scalar<D>, 1> weights,
                InitializeOptions options) {
    detail::require_shape(weights.size() == range.count, "initialize", [&] {
        return std::to_string(weights.size()) + " weights for a range of " + std::to_string(range.count);
    });
    std::vector<Scalar<D>> host(static_cast<std::size_t>(range.count), Scalar<D>{0});
    for (const Leaf& leaf : layout.leaves()) {
        const Philox random(options.seed, "initialize", name_hash(leaf.name));
        const Index columns = leaf.shape.back(), zero_row = leaf.initializer.zero_row;
        const Index first = std::max<Index>(0, range.first - leaf.offset);
        const Index end = std::min(leaf.size(), range.end() - leaf.offset);
        for (Index i = first; i < end; ++i) {
            double value = detail::initial_value(leaf.initializer, random, static_cast<std::uint64_t>(i));
            if (zero_row >= 0 && i / columns == zero_row) value = 0;
            host[static_cast<std::size_t>(leaf.offset + i - range.first)] =
                static_cast<Scalar<D>>(static_cast<float>(value));
        }
    }
    device.upload(host.data(), weights.data, host.size() * sizeof(Scalar<D>));
}

/// The same for all of a layout.
template <Device D>
void initialize(D& device, const ParameterLayout& layout, View<Scalar<D>, 1> weights, InitializeOptions options) {
    layout.check_size("initialize", "weights", weights.size());
    initialize(device, layout, Range{0, layout.size()}, weights, options);
}

}  // namespace lapidary
