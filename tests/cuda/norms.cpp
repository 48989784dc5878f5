// Norms on a GPU, or the stand-in for one, against the Reference in double.

#include "support.hpp"

#include <lapidary/cuda/rms_norm.cuh>

using namespace lapidary;
using namespace lapidary::test;

TEMPLATE_TEST_CASE("rms norm on a GPU", "", float, bf16) {
    const Index width = GENERATE(3, 16, 80, 385, 2048);
    const Index batch = 2, time = 5;
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<3> shape{batch, time, width};
        const auto x = place(device, shape, normal(element_count(shape), 1));
        const auto gain = place(device, Shape<1>{width}, normal(width, 2));
        const auto y = poisoned(device, shape);
        const auto inverse_rms = poisoned_accumulators(device, Shape<1>{batch * time});
        rms_norm(device, x.rows(), gain, 1e-6, y.rows(), inverse_rms);
        return std::vector{read(y), read(inverse_rms)};
    });
}
