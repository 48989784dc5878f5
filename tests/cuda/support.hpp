#pragma once

#include "catch.hpp"
#ifdef LAPIDARY_TEST_GPU
#include "device/gpu.hpp"
#else
#include "host_gpu.hpp"
#endif
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
    return assign(device, accumulator_scratch(device, shape), values);
}
template <class D, std::size_t Rank>
View<Accumulator<D>, Rank> poisoned_accumulators(D& device, Shape<Rank> shape) {
    return place_accumulators(device, shape,
                              Values::constant(element_count(shape), std::numeric_limits<double>::quiet_NaN()));
}

/// Relative error that rounding to T may cause; sums are formed in float.
template <class T>
inline constexpr double tolerance = std::is_same_v<T, bf16> ? 5e-3 : 1e-6;

template <class T>
void check_close(const std::vector<Values>& results, const std::vector<Values>& exact) {
    REQUIRE(results.size() == exact.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
        INFO("result " << i);
        CHECK(relative_error(results[i], exact[i]) <= tolerance<T>);
    }
}
inline void check_equal(const std::vector<Values>& again, const std::vector<Values>& results) {
    for (std::size_t i = 0; i < results.size(); ++i) {
        INFO("result " << i << " once more");
        CHECK(again[i].data == results[i].data);
    }
}

/// Runs one computation, `run(device, normal)`, on the stand-in for a GPU and on the Reference, and compares all
/// the results that it returns. `normal(count, item)` gives equal inputs. The threads of blocks run in three
/// orders, which must not change a bit. Where LAPIDARY_TEST_GPU is defined, it runs on a GPU, twice.
template <class T, class Run>
void compare_gpu(Run&& run) {
    const auto normal = [](Index count, std::uint64_t item, double deviation = 1.0) {
        return representable<T>(count, item, deviation);
    };
    Reference reference;
#ifdef LAPIDARY_TEST_GPU
    auto& gpu = shared_gpu<T>();
    const ScratchScope scope(gpu.scratch());
#else
    HostGpu<T> gpu;
#endif
    const std::vector<Values> results = run(gpu, normal);
    check_close<T>(results, run(reference, normal));
#ifdef LAPIDARY_TEST_GPU
    check_equal(run(gpu, normal), results);
#else
    for (const ThreadOrder order : {ThreadOrder::backward, ThreadOrder::shuffled}) {
        HostGpu<T> other(order);
        check_equal(run(other, normal), results);
    }
#endif
}

}  // namespace lapidary::test
