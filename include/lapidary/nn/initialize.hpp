#pragma once

#include <lapidary/core/master_weights.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/ops/check.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace lapidary {

struct InitializeOptions {
    std::uint64_t seed = 0;
};

namespace detail {

/// Element i of a parameter, not yet rounded.
inline double initial_value(const Initializer& initializer, const Philox& random, std::uint64_t i) {
    if (initializer.kind == Initializer::Kind::constant) return initializer.value;
    if (initializer.kind == Initializer::Kind::uniform) return initializer.value * (2 * random.uniform(i) - 1);
    double draw = random.normal(i);
    if (initializer.kind == Initializer::Kind::truncated_normal) {
        // Further draws for the same element stand far behind those of all elements.
        for (std::uint64_t attempt = 1; std::abs(draw) > 2; ++attempt) draw = random.normal(i + (attempt << 48));
    }
    return initializer.value * draw;
}

/// Elements that are in host memory at once.
inline constexpr Index initialize_at_once = Index{1} << 24;

/// A range of the flat vector, rounded to float; the gaps between parameters are zero. Shared out over the
/// machine's cores.
template <class T>
std::vector<T> initial_values(const ParameterLayout& layout, Range range, std::uint64_t seed) {
    std::vector<T> values(static_cast<std::size_t>(range.count), T{0});
    const auto draw = [&](Range part) {
        for (const Leaf& leaf : layout.leaves()) {
            const Philox random(seed, "initialize", name_hash(leaf.name));
            const Index columns = leaf.shape.back(), zero_row = leaf.initializer.zero_row;
            const Index first = std::max<Index>(0, part.first - leaf.offset);
            const Index end = std::min(leaf.size(), part.end() - leaf.offset);
            for (Index i = first; i < end; ++i) {
                if (zero_row >= 0 && i / columns == zero_row) continue;
                values[static_cast<std::size_t>(leaf.offset + i - range.first)] =
                    static_cast<float>(initial_value(leaf.initializer, random, static_cast<std::uint64_t>(i)));
            }
        }
    };
    constexpr Index worthwhile = 1 << 16;  // elements a thread
    const Index cores = std::max<Index>(1, std::thread::hardware_concurrency());
    const Index each = std::max(worthwhile, ceil_div(range.count, cores));
    std::vector<std::jthread> threads;
    for (Index i = each; i < range.count; i += each) {
        threads.emplace_back([&draw, range, i, each] {
            draw({range.first + i, std::min(each, range.count - i)});
        });
    }
    draw({range.first, std::min(each, range.count)});
    threads.clear();  // joins them
    return values;
}

}  // namespace detail

/// Draws initial weights: element i of a parameter is a pure function of (seed, parameter's name, i), so neither
/// the device nor the order of parameters nor the number of ranks or threads matters. `weights` are those of a
/// range of the layout. Throws Error(shape) unless they are as many.
template <Device D>
void initialize(D& device, const ParameterLayout& layout, Range range,
                std::type_identity_t<MasterWeights<Scalar<D>>> weights, InitializeOptions options) {
    detail::require_shape(weights.weights.size() == range.count, "initialize", [&] {
        return std::to_string(weights.weights.size()) + " weights for a range of " + std::to_string(range.count);
    });
    for (Index first = range.first; first < range.end(); first += detail::initialize_at_once) {
        const Range part{first, std::min(detail::initialize_at_once, range.end() - first)};
        const auto values = detail::initial_values<Accumulator<D>>(layout, part, options.seed);
        upload_weights(device, values.data(), weights.slice(first - range.first, part.count));
    }
}

/// The same for all of a layout.
template <Device D>
void initialize(D& device, const ParameterLayout& layout, View<Scalar<D>, 1> weights, InitializeOptions options) {
    layout.check_size("initialize", "weights", weights.size());
    initialize(device, layout, Range{0, layout.size()}, MasterWeights<Scalar<D>>(weights), options);
}

}  // namespace lapidary
