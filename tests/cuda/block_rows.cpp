// Blocks of rows on a GPU or its stand-in: elements and accumulators, at any address.

#include "support/block_rows.hpp"
#include "support.hpp"

#include <lapidary/cuda/block_rows.cuh>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// The matrix of compact values, and what is picked of one that is full of others; both begin `skip` elements into
/// their memory, and `place(values)` gives that.
template <class D, class Place>
std::vector<Values> both_ways(D& device, const Blocks& blocks, Index skip, Place&& place) {
    const auto at = [&](Shape<2> shape, std::uint64_t item) {
        const auto all = place(representable<bf16>(element_count(shape) + skip, item));
        return all.slice(skip, element_count(shape)).reshape(shape);
    };
    const auto compact = at(blocks.compact(), 1), full = at(blocks.full(), 2);
    const auto spread = at(blocks.full(), 3), picked = at(blocks.compact(), 4);
    spread_blocks(device, compact, blocks.parts, spread);
    pick_blocks(device, full, blocks.parts, picked);
    return {read(spread), read(picked)};
}

}  // namespace

TEMPLATE_TEST_CASE("blocks of rows on a GPU are the Reference's to the bit", "", float, bf16) {
    const Index skip = GENERATE(0, 1);
    for (const Blocks& blocks : kinds_of_blocks()) {
        INFO(blocks.parts.size() << " parts of " << blocks.rows << " rows, rank " << blocks.rank);
        const auto elements = [&](auto& device) {
            return both_ways(device, blocks, skip, [&](const Values& values) {
                return place(device, Shape<1>{static_cast<Index>(values.data.size())}, values);
            });
        };
        const auto accumulators = [&](auto& device) {
            return both_ways(device, blocks, skip, [&](const Values& values) {
                return place_accumulators(device, Shape<1>{static_cast<Index>(values.data.size())}, values);
            });
        };
        Reference reference;
        const std::vector<Values> expected = elements(reference);
        for (const std::vector<Values>& results :
             {run_on_gpu<TestType>(elements), run_on_gpu<TestType>(accumulators)}) {
            REQUIRE(results.size() == 2);
            CHECK(results[0].data == expected[0].data);
            CHECK(results[1].data == expected[1].data);
        }
    }
}
