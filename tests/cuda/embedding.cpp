// Embeddings on a GPU or its stand-in against the Reference in double.

#include "support.hpp"

#include <lapidary/cuda/embedding.cuh>

#include <array>
#include <cmath>
#include <cstdint>

using namespace lapidary;
using namespace lapidary::test;

namespace {

std::vector<std::int32_t> tokens(Index count, Index vocabulary) {
    std::vector<std::int32_t> ids;
    const Philox random(7, "tokens", static_cast<std::uint64_t>(vocabulary));
    for (Index n = 0; n < count; ++n) {
        const double where = std::abs(random.normal(static_cast<std::uint64_t>(n))) / 4;  // small ones are common
        ids.push_back(static_cast<std::int32_t>(where * static_cast<double>(vocabulary)) %
                      static_cast<std::int32_t>(vocabulary));
    }
    return ids;
}

}  // namespace

TEMPLATE_TEST_CASE("embeddings on a GPU", "", float, bf16) {
    const auto extents =
        GENERATE(std::array<Index, 3>{0, 40, 24}, std::array<Index, 3>{1, 1, 1}, std::array<Index, 3>{9, 1, 130},
                 std::array<Index, 3>{150, 40, 24}, std::array<Index, 3>{31, 5, 1032});
    const Index count = extents[0], vocabulary = extents[1], width = extents[2];
    const std::vector<std::int32_t> ids = tokens(count, vocabulary);
    for (const Index frozen : {Index{-1}, ids.empty() ? 0 : Index{ids[0]}}) {
        compare_gpu<TestType>([&](auto& device, auto normal) {
            const Shape<2> table_shape{vocabulary, width}, shape{count, width};
            const auto view = place_ids(device, ids);
            const auto table = place(device, table_shape, normal(element_count(table_shape), 1));
            const auto out = poisoned(device, shape);
            embedding(device, table, view, out);
            const auto dout = place(device, shape, normal(element_count(shape), 2));
            const auto dtable = place_accumulators(device, table_shape, normal(element_count(table_shape), 3));
            embedding_gradient(device, view, dout, dtable, frozen);
            return std::vector{read(out), read(dtable)};
        });
    }
}

TEST_CASE("gradients of embeddings on a GPU are added one by one in order") {
    const Index count = 100, vocabulary = 5, width = 9;
    const std::vector<std::int32_t> ids = tokens(count, vocabulary);
    auto&& gpu = fresh_gpu<float>();
    const auto dout = place(gpu, Shape<2>{count, width}, Values::normal(count * width, 1));
    const auto dtable = place(gpu, Shape<2>{vocabulary, width}, Values::normal(vocabulary * width, 2));
    Values expected = read(dtable);
    for (Index n = 0; n < count; ++n) {
        const Values row = read(dout.at(n));
        for (Index c = 0; c < width; ++c) {
            double& each = expected.data[static_cast<std::size_t>(ids[static_cast<std::size_t>(n)] * width + c)];
            each = static_cast<float>(each + row.data[static_cast<std::size_t>(c)]);
        }
    }
    embedding_gradient(gpu, place_ids(gpu, ids), dout, dtable, -1);
    CHECK(read(dtable).data == expected.data);
}
