// says: a layer needs forward\(device, weights, x, y, saved\) const, with x and y of \[B, T, C\]

#include <lapidary/nn/nn.hpp>

using namespace lapidary;

struct Identity {
    struct Options {};
    template <class T>
    struct Saved {};
    Identity(ParameterLayout&, const std::string&, const Options&) {}
#ifndef BROKEN
    void forward(auto&, auto, auto, auto, auto&) const {}
#endif
    void backward(auto&, auto, const auto&, auto, auto, auto) const {}
};

int main() {
    ParameterLayout layout;
    const SequentialBlock<RmsNorm, Attention<Rotary>, Identity> block(
        layout, "block",
        {.norm = {.width = 8}, .attention = {.width = 8, .heads = 1, .kv_heads = 1, .head_size = 8}});
}
