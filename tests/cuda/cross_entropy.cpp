// Cross-entropy on a GPU or its stand-in against the Reference in double.

#include "support.hpp"

#include <lapidary/cuda/cross_entropy.cuh>

#include <cstdint>

using namespace lapidary;
using namespace lapidary::test;

TEMPLATE_TEST_CASE("cross-entropy on a GPU", "", float, bf16) {
    const Index vocabulary = GENERATE(1, 7, 512, 1000, 4104, 32000, 32001);
    const Index rows = vocabulary > 5000 ? 2 : 5;
    compare_gpu<TestType>([&](auto& device, auto normal) {
        std::vector<std::int32_t> targets;
        for (Index n = 0; n < rows; ++n) {
            targets.push_back(n == 1 ? -1 : static_cast<std::int32_t>((n + 3) * 7919 % vocabulary));
        }
        const auto wanted = place_ids(device, targets);
        const Shape<2> shape{rows, vocabulary};
        const auto logits = place(device, shape, normal(element_count(shape), 1, 3.0));
        const auto losses = poisoned_accumulators(device, Shape<1>{rows}),
                   again = poisoned_accumulators(device, Shape<1>{rows});
        cross_entropy(device, logits, wanted, losses);
        cross_entropy_gradient(device, logits, wanted, again, 0.37);
        return std::vector{read(losses), read(again), read(logits)};
    });
}

TEMPLATE_TEST_CASE("cross-entropy on a GPU of logits far from zero", "", float, bf16) {
    compare_gpu<TestType>([&](auto& device, auto) {
        const Values values{{-1000, -1004, -1008, -1024, 4992, 4992, 4960, -4992, 0, 0, 0, 0}};
        const auto logits = place(device, Shape<2>{3, 4}, values);
        const auto targets = place_ids(device, {2, 0, 3});
        const auto losses = poisoned_accumulators(device, Shape<1>{3});
        cross_entropy_gradient(device, logits, targets, losses, 1.0);
        return std::vector{read(losses), read(logits)};
    });
}
