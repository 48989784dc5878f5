#pragma once

#include "catch.hpp"
#include "host_gpu.hpp"
#include "support/arrays.hpp"

#include <lapidary/ops/ops.hpp>
#include <lapidary/reference.hpp>

#include <string>
#include <type_traits>
#include <vector>

namespace lapidary::test {

/// Normal numbers that are representable in the device's element type, so that all devices start from equal ones.
template <class T>
Values representable(Index count, std::uint64_t item, double deviation = 1.0) {
    Values values = Values::normal(count, item, deviation);
    for (double& value : values.data) value = static_cast<double>(static_cast<T>(value));
    return values;
}

/// Scratch of a device's accumulators with these values, and full of NaN.
template <class D, std::size_t Rank>
View<Accumulator<D>, Rank> place_accumulators(D& device, Shape<Rank> shape, const Values& values) {
    const auto view = accumulator_scratch(device, shape);
    for (Index i = 0; i < view.size(); ++i)
        view[i] = static_cast<Accumulator<D>>(values.data[static_cast<std::size_t>(i)]);
    return view;
}
template <class D, std::size_t Rank>
View<Accumulator<D>, Rank> poisoned_accumulators(D& device, Shape<Rank> shape) {
    return place_accumulators(device, shape,
                              Values::constant(element_count(shape), std::numeric_limits<double>::quiet_NaN()));
}

/// Relative error that rounding to T may cause; sums are formed in float.
template <class T>
inline constexpr double tolerance = std::is_same_v<T, bf16> ? 5e-3 : 1e-6;

/// Runs one computation, `run(device, normal)`, on the stand-in for a GPU and on the Reference, and compares all
/// the results that it returns. `normal(count, item)` gives equal inputs. The threads of blocks run in three
/// orders, which must not change a bit.
template <class T, class Run>
void compare_gpu(Run&& run) {
    const auto normal = [](Index count, std::uint64_t item, double deviation = 1.0) {
        return representable<T>(count, item, deviation);
    };
    Reference reference;
    HostGpu<T> gpu;
    const std::vector<Values> exact = run(reference, normal), result = run(gpu, normal);
    REQUIRE(result.size() == exact.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
        INFO("result " << i);
        CHECK(relative_error(result[i], exact[i]) <= tolerance<T>);
    }
    for (const ThreadOrder order : {ThreadOrder::backward, ThreadOrder::shuffled}) {
        HostGpu<T> other(order);
        const std::vector<Values> again = run(other, normal);
        for (std::size_t i = 0; i < result.size(); ++i) {
            INFO("result " << i << " in another order of threads");
            CHECK(again[i].data == result[i].data);
        }
    }
}

}  // namespace lapidary::test
