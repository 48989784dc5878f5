// Rotary embeddings on a GPU or its stand-in against the Reference in double.

#include "support.hpp"
#include "support/documents.hpp"

#include <lapidary/cuda/rotary.cuh>

using namespace lapidary;
using namespace lapidary::test;

TEMPLATE_TEST_CASE("rotary embeddings on a GPU", "", float, bf16) {
    const Index size = GENERATE(2, 16, 34, 64, 128), part = GENERATE(1, 2), gap = GENERATE(0, 8, 3);
    const Pairing pairing = GENERATE(Pairing::halves, Pairing::interleaved);
    const bool inverse = GENERATE(false, true);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Index heads = 3, columns = 2 * heads * size + gap;
        const Shape<3> shape{2, 3, columns};
        const auto buffer = place(device, shape, normal(element_count(shape), 1));
        const Rotation rotation{
            .size = size / part / 2 * 2, .theta = 10000.0, .pairing = pairing, .inverse = inverse};
        rotary(device, heads_of(buffer, heads * size, heads, size), 5, rotation);
        return std::vector{read(buffer)};
    });
}

TEMPLATE_TEST_CASE("rotary embeddings on a GPU at far positions", "", float, bf16) {
    const Index first = GENERATE(2047, 32765, 100000);
    const double theta = GENERATE(10000.0, 500000.0);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<3> shape{1, 4, 256};
        const auto buffer = place(device, shape, normal(element_count(shape), 1));
        rotary(device, heads_of(buffer, 0, 1, 256), first, {.size = 256, .theta = theta});
        return std::vector{read(buffer)};
    });
}

TEMPLATE_TEST_CASE("rotary embeddings on a GPU count from the first token of a document", "", float, bf16) {
    const Pairing pairing = GENERATE(Pairing::halves, Pairing::interleaved);
    const bool inverse = GENERATE(false, true);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<3> shape{3, 40, 48};
        const auto buffer = place(device, shape, normal(element_count(shape), 1));
        const Positions positions(7, place_starts(device, {3, 40}, random_starts(3, 40, 15, 2)));
        rotary(device, heads_of(buffer, 16, 2, 16), positions,
               {.size = 16, .pairing = pairing, .inverse = inverse});
        return std::vector{read(buffer)};
    });
}

TEST_CASE("rotary embeddings on a GPU of other sizes") {
    auto&& gpu = fresh_gpu<float>();
    const auto buffer = place(gpu, Shape<3>{1, 1, 258}, Values::constant(258, 1));
    CHECK_THROWS_AS(rotary(gpu, heads_of(buffer, 0, 1, 258), 0, {.size = 258}), Error);
    rotary(gpu, heads_of(buffer, 0, 1, 258), 7, {.size = 0});
    CHECK(read(buffer).data == Values::constant(258, 1).data);
}
