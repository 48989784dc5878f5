// Activations on a GPU or its stand-in against the Reference in double.

#include "support.hpp"

#include <lapidary/cuda/activations.cuh>

using namespace lapidary;
using namespace lapidary::test;

TEMPLATE_TEST_CASE("gelu on a GPU", "", float, bf16) {
    const Index count = GENERATE(0, 1, 64, 2049, 6000);
    const Gelu form = GENERATE(Gelu::erf, Gelu::tanh);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<1> shape{count};
        const auto x = place(device, shape, normal(count, 1, 3.0)), dy = place(device, shape, normal(count, 2));
        const auto y = poisoned(device, shape), dx = poisoned(device, shape);
        gelu(device, x, form, y);
        gelu_gradient(device, x, form, dy, dx);
        gelu_gradient(device, x, form, dy, dy);
        gelu(device, x, form, x);
        return std::vector{read(y), read(dx), read(dy), read(x)};
    });
}

TEMPLATE_TEST_CASE("swiglu on a GPU", "", float, bf16) {
    const Index rows = GENERATE(0, 1, 3), width = GENERATE(1, 2, 24, 1366, 4096, 5001);
    compare_gpu<TestType>([&](auto& device, auto normal) {
        const Shape<2> wide{rows, 2 * width}, narrow{rows, width};
        const auto gate_up = place(device, wide, normal(element_count(wide), 1, 4.0));
        const auto dout = place(device, narrow, normal(element_count(narrow), 2));
        const auto out = poisoned(device, narrow);
        const auto dgate_up = poisoned(device, wide);
        swiglu(device, gate_up, out);
        swiglu_gradient(device, gate_up, dout, dgate_up);
        return std::vector{read(out), read(dgate_up)};
    });
}

TEMPLATE_TEST_CASE("activations on a GPU far from zero", "", float, bf16) {
    compare_gpu<TestType>([&](auto& device, auto) {
        const Values far{{-1000, -200, -100, -90, -50, 0, 50, 100, 1000}};
        const Shape<2> shape{9, 2};
        Values gate_up;
        for (const double gate : far.data) gate_up.data.insert(gate_up.data.end(), {gate, 1.0});
        const auto both = place(device, shape, gate_up), gradients = poisoned(device, shape);
        const auto ones = place(device, Shape<2>{9, 1}, Values::constant(9, 1)),
                   out = poisoned(device, ones.shape);
        swiglu(device, both, out);
        swiglu_gradient(device, both, ones, gradients);
        const auto x = place(device, Shape<1>{9}, far);
        const auto y = poisoned(device, x.shape), dx = poisoned(device, x.shape), z = poisoned(device, x.shape),
                   dz = poisoned(device, x.shape);
        gelu(device, x, Gelu::erf, y);
        gelu(device, x, Gelu::tanh, z);
        gelu_gradient(device, x, Gelu::erf, ones.flat(), dx);
        gelu_gradient(device, x, Gelu::tanh, ones.flat(), dz);
        return std::vector{read(out), read(gradients), read(y), read(z), read(dx), read(dz)};
    });
}
