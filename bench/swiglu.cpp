// The gated activation of the feed-forward layer, forward and gradient.

#include "support.hpp"

using namespace bench;
using namespace lapidary;

namespace {

void add_shape(const std::string& name, Index tokens, Index inner) {
    const auto elements = static_cast<double>(tokens * inner);
    add("swiglu/" + name, [=](benchmark::State& state) {
        auto gate_up = numbers<2>({tokens, 2 * inner}), out = numbers<2>({tokens, inner});
        measure_bytes(state, 12 * elements, [&] {  // reads gate and up, writes out
            swiglu(device(), gate_up.view(), out.view());
        });
    });
    add("swiglu_gradient/" + name, [=](benchmark::State& state) {
        auto gate_up = numbers<2>({tokens, 2 * inner}), dgate_up = numbers<2>(gate_up.shape());
        auto dout = numbers<2>({tokens, inner});
        measure_bytes(state, 20 * elements, [&] {  // reads gate, up and dout, writes dgate and dup
            swiglu_gradient(device(), gate_up.view(), dout.view(), dgate_up.view());
        });
    });
}

}  // namespace

int main(int argc, char** argv) {
    for (const Size& size : sizes) add_shape(size.name, size.tokens(), size.inner);
    add_shape("large", 4096, 11008);
    return bench::run(argc, argv);
}
