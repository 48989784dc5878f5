#pragma once

#include <lapidary/core/arena.hpp>
#include <lapidary/core/view.hpp>
#include <lapidary/core/wide.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace lapidary {

/// What a place to compute must offer besides the operations of `ops/`:
/// - `Scalar`: the element type of weights, activations and gradients;
/// - `scratch()`: the arena that activations and temporaries come from;
/// - `allocate` / `release`: long-lived, 64-byte aligned memory;
/// - `upload` / `download`: copies between host memory and the device.
/// Where several ranks share the work, also `sibling()`: another device of its kind, on the same memory, that may
/// work at the same time. A device whose operations return before they are done has `synchronize()`, which returns
/// when they are; `upload` and `download` return when they and all before them are.
template <class D>
concept Device = requires(D& device, void* memory, const void* source, std::size_t bytes) {
    typename D::Scalar;
    { device.scratch() } -> std::same_as<Arena&>;
    { device.allocate(bytes) } -> std::same_as<void*>;
    device.release(memory, bytes);
    device.upload(source, memory, bytes);
    device.download(source, memory, bytes);
};

template <class D>
using Scalar = typename D::Scalar;

/// The element type of what is summed over many terms and kept: gradients of parameters, moments, statistics of
/// rows, losses.
template <class D>
using Accumulator = Wide<Scalar<D>>;

/// Returns when the device has done all that it was given: before another device goes on with its results.
template <Device D>
void synchronize(D& device) {
    if constexpr (requires { device.synchronize(); }) device.synchronize();
}

/// Uninitialised scratch of the device's own element type.
template <Device D, std::size_t Rank>
View<Scalar<D>, Rank> scratch(D& device, Shape<Rank> shape) {
    return device.scratch().template allocate<Scalar<D>>(shape);
}

/// The same of its accumulators' type.
template <Device D, std::size_t Rank>
View<Accumulator<D>, Rank> accumulator_scratch(D& device, Shape<Rank> shape) {
    return device.scratch().template allocate<Accumulator<D>>(shape);
}

/// Elements on the device as accumulators in host memory, to the same value.
template <Device D>
std::vector<Accumulator<D>> read_accumulators(D& device, std::type_identity_t<ConstView<Scalar<D>, 1>> elements) {
    std::vector<Scalar<D>> host(static_cast<std::size_t>(elements.size()));
    device.download(elements.data, host.data(), host.size() * sizeof(Scalar<D>));
    if constexpr (std::is_same_v<Scalar<D>, Accumulator<D>>) {
        return host;
    } else {
        std::vector<Accumulator<D>> wide;
        for (const Scalar<D> element : host) wide.push_back(static_cast<Accumulator<D>>(element));
        return wide;
    }
}

}  // namespace lapidary
