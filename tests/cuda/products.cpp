// Linear layers' products by way of a GPU's, which knows no odd rows of bf16, against the Reference in double.

#include "support.hpp"

#include <lapidary/cuda/matmul.cuh>

using namespace lapidary;
using namespace lapidary::test;

TEMPLATE_TEST_CASE("products on a GPU", "", float, bf16) {
    const Index tokens = GENERATE(1, 6, 16), inner = GENERATE(1, 16, 22), outer = GENERATE(4, 8, 21);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<2> in{tokens, inner}, weights{outer, inner}, out{tokens, outer};
        const auto x = place(device, in, normal(element_count(in), 1));
        const auto w = place(device, weights, normal(element_count(weights), 2));
        const auto dy = place(device, out, normal(element_count(out), 3));
        const auto addend = place(device, out, normal(element_count(out), 4));
        const auto y = poisoned(device, out), more = poisoned(device, out),
                   kept = place(device, out, normal(element_count(out), 5));
        matmul(device, x, w, y);
        matmul_add(device, x, w, addend, more);
        matmul(device, x, w, kept, Store::add);
        const auto dx = poisoned(device, in), dx_kept = place(device, in, normal(element_count(in), 6));
        matmul_input_gradient(device, dy, w, dx);
        matmul_input_gradient(device, dy, w, dx_kept, Store::add);
        const auto dw = place_accumulators(device, weights, normal(element_count(weights), 7));
        const Index batch = tokens % 2 == 0 ? 2 : 1;
        matmul_weight_gradient(device, dy.template reshape<3>({batch, tokens / batch, outer}),
                               x.template reshape<3>({batch, tokens / batch, inner}), dw);
        return std::vector{read(y), read(more), read(kept), read(dx), read(dx_kept), read(dw)};
    });
}

TEMPLATE_TEST_CASE("products on a GPU without elements, and of rows between 16 bytes", "", float, bf16) {
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const auto empty = place(device, Shape<2>{3, 0}, Values{}), none = place(device, Shape<2>{0, 5}, Values{});
        const auto w = place(device, Shape<2>{5, 0}, Values{});
        const auto y = poisoned(device, Shape<2>{3, 5}), more = place(device, Shape<2>{3, 5}, normal(15, 1)),
                   sum = place(device, Shape<2>{3, 5}, normal(15, 2));
        matmul(device, empty, w, y);
        matmul(device, empty, w, sum, Store::add);
        const auto dw = place_accumulators(device, Shape<2>{5, 5}, normal(25, 3));
        matmul_weight_gradient(device, none.template reshape<3>({1, 0, 5}), none.template reshape<3>({1, 0, 5}),
                               dw);
        const auto dx = poisoned(device, Shape<2>{0, 5});
        matmul_input_gradient(device, none, dw.extent(0) == 5 ? place(device, Shape<2>{5, 5}, normal(25, 4)) : w,
                              dx);
        // Rows of 16 bytes, one element beside where they should be.
        const auto aside = [&](Index rows, std::uint64_t item) {
            const auto memory = place(device, Shape<1>{rows * 8 + 1}, normal(rows * 8 + 1, item));
            return memory.slice(1, rows * 8).template reshape<2>({rows, 8});
        };
        const auto x = aside(16, 5), weights = aside(8, 6), out = aside(16, 7), added = aside(16, 8);
        matmul(device, x, weights, out);
        matmul_add(device, out, weights, x, added);
        const auto gradient = place_accumulators(device, Shape<1>{65}, normal(65, 9));
        matmul_weight_gradient(device, out.template reshape<3>({2, 8, 8}), x.template reshape<3>({2, 8, 8}),
                               gradient.slice(1, 64).template reshape<2>({8, 8}));
        return std::vector{read(y), read(sum), read(more), read(dw), read(out), read(added), read(gradient)};
    });
}
