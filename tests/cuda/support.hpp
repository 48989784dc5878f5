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

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace lapidary::test {

#ifndef LAPIDARY_TEST_GPU
/// What stands for a GPU, as if nothing had been done with it: `auto&& gpu = fresh_gpu<float>()`. Where a GPU is
/// tested, that one (tests/cuda/device/gpu.hpp).
template <class T>
HostGpu<T> fresh_gpu() {
    return HostGpu<T>();
}
/// The same with memory of its own: `auto gpu = own_gpu<bf16>()`.
template <class T>
HostGpu<T> own_gpu() {
    return HostGpu<T>();
}
#endif

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

/// Integers in a device's scratch: tokens, targets.
template <class D>
View<std::int32_t, 1> place_ids(D& device, const std::vector<std::int32_t>& ids) {
    const auto view = device.scratch().template allocate<std::int32_t, 1>({static_cast<Index>(ids.size())});
    device.upload(ids.data(), view.data, ids.size() * sizeof(std::int32_t));
    return view;
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
    REQUIRE(again.size() == results.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
        INFO("result " << i << " once more");
        CHECK(again[i].data == results[i].data);
    }
}

/// The results of `run(gpu)` on the stand-in for a GPU; that the threads of blocks run in another order must not
/// change a bit of them. Where LAPIDARY_TEST_GPU is defined, it runs on a GPU, twice.
template <class T, class Run>
std::vector<Values> run_on_gpu(Run&& run) {
#ifdef LAPIDARY_TEST_GPU
    const std::vector<Values> results = run(fresh_gpu<T>());
    check_equal(run(fresh_gpu<T>()), results);
#else
    HostGpu<T> gpu;
    const std::vector<Values> results = run(gpu);
    for (const ThreadOrder order : {ThreadOrder::backward, ThreadOrder::shuffled}) {
        HostGpu<T> other(order);
        check_equal(run(other), results);
    }
#endif
    return results;
}

/// Runs one computation, `run(device, normal)`, there and on the Reference, and compares all the results that it
/// returns. `normal(count, item)` gives equal inputs.
template <class T, class Run>
void compare_gpu(Run&& run) {
    const auto normal = [](Index count, std::uint64_t item, double deviation = 1.0) {
        return representable<T>(count, item, deviation);
    };
    const std::vector<Values> results = run_on_gpu<T>([&](auto& gpu) { return run(gpu, normal); });
    Reference reference;
    check_close<T>(results, run(reference, normal));
}

}  // namespace lapidary::test
