#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/philox.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#ifdef LAPIDARY_TEST_GPU
#include "cuda/device/on_host.hpp"
#endif

namespace lapidary::test {

/// Host values that go to any device and back: one source for both sides of a comparison.
struct Values {
    std::vector<double> data;

    /// Normal numbers, representable in float so that devices start from equal inputs.
    static Values normal(Index count, std::uint64_t item, double deviation = 1.0) {
        Values values;
        const Philox random(7, "test", item);
        for (Index i = 0; i < count; ++i) {
            values.data.push_back(static_cast<float>(deviation * random.normal(static_cast<std::uint64_t>(i))));
        }
        return values;
    }
    static Values constant(Index count, double value) {
        return {std::vector<double>(static_cast<std::size_t>(count), value)};
    }
};

/// Gives the elements of a view on a device these values.
template <class D, class T, std::size_t Rank>
View<T, Rank> assign(D& device, View<T, Rank> view, const Values& values) {
    std::vector<T> host;
    for (const double value : values.data) host.push_back(static_cast<T>(value));
    device.upload(host.data(), view.data, host.size() * sizeof(T));
    return view;
}

/// A view in the device's scratch with these values.
template <class D, std::size_t Rank>
View<Scalar<D>, Rank> place(D& device, Shape<Rank> shape, const Values& values) {
    return assign(device, scratch(device, shape), values);
}

/// Scratch full of NaN, so that an element an operation forgets to write shows.
template <class D, std::size_t Rank>
View<Scalar<D>, Rank> poisoned(D& device, Shape<Rank> shape) {
    return place(device, shape, Values::constant(element_count(shape), std::numeric_limits<double>::quiet_NaN()));
}

#ifndef LAPIDARY_TEST_GPU
/// The elements of a view; where a GPU is tested, a copy of them (tests/cuda/device/on_host.hpp).
template <class T, std::size_t Rank>
View<T, Rank> on_host(View<T, Rank> view) {
    return view;
}
#endif

template <class T, std::size_t Rank>
Values read(View<T, Rank> view) {
    Values values;
    for (const auto& element : on_host(view)) values.data.push_back(static_cast<double>(element));
    return values;
}

/// |a - b| / |b| in the Frobenius norm; infinity where sizes differ or a NaN appears.
inline double relative_error(const Values& a, const Values& b) {
    if (a.data.size() != b.data.size()) return INFINITY;
    double difference = 0, norm = 0;
    for (std::size_t i = 0; i < a.data.size(); ++i) {
        difference += (a.data[i] - b.data[i]) * (a.data[i] - b.data[i]);
        norm += b.data[i] * b.data[i];
    }
    if (std::isnan(difference)) return INFINITY;
    return norm == 0 ? std::sqrt(difference) : std::sqrt(difference / norm);
}

}  // namespace lapidary::test
