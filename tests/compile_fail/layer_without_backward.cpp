// says: a layer needs backward\(device, weights, saved, dy, dx, gradients\) const, which adds to dx

#include <lapidary/nn/nn.hpp>

using namespace lapidary;

struct Identity {
    struct Options {};
    template <class T>
    struct Saved {};
    Identity(ParameterLayout&, const std::string&, const Options&) {}
    void forward(auto&, auto, auto, auto, auto&) const {}
#ifndef BROKEN
    void backward(auto&, auto, const auto&, auto, auto, auto) const {}
#else
    void backward(auto&, auto, auto&, auto, auto, auto) {}  // not const
#endif
};

int main() {
    ParameterLayout layout;
    const SequentialBlock<RmsNorm, Attention<Rotary>, Identity> block(
        layout, "block",
        {.norm = {.width = 8}, .attention = {.width = 8, .heads = 1, .kv_heads = 1, .head_size = 8}});
}
