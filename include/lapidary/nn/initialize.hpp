#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/core/philox.hpp>

#include <cmath>
#include <cstdint>
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
/// the device nor the order of parameters nor the number of ranks matters. Throws Error(shape) unless `weights`
/// has `layout.size()` elements.
template <Device D>
void initialize(D& device, const ParameterLayout& layout, View<Scalar<D>, 1> weights, InitializeOptions options) {
    layout.check_size("initialize", "weights", weights.size());
    std::vector<Scalar<D>> host(static_cast<std::size_t>(layout.size()), Scalar<D>{0});
    for (const Leaf& leaf : layout.leaves()) {
        const Philox random(options.seed, "initialize", name_hash(leaf.name));
        const Index columns = leaf.shape.back(), zero_row = leaf.initializer.zero_row;
        for (Index i = 0; i < leaf.size(); ++i) {
            double value = detail::initial_value(leaf.initializer, random, static_cast<std::uint64_t>(i));
            if (zero_row >= 0 && i / columns == zero_row) value = 0;
            host[static_cast<std::size_t>(leaf.offset + i)] = static_cast<Scalar<D>>(static_cast<float>(value));
        }
    }
    device.upload(host.data(), weights.data, host.size() * sizeof(Scalar<D>));
}

}  // namespace lapidary
