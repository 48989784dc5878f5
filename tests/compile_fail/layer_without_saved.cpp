// says: a layer needs a nested template `Saved<T>`: the views that forward saves for backward

#include <lapidary/nn/nn.hpp>

using namespace lapidary;

struct Identity {
    struct Options {};
#ifndef BROKEN
    template <class T>
    struct Saved {};
#endif
    Identity(ParameterLayout&, const std::string&, const Options&) {}
    void forward(auto&, auto, auto, auto, auto&) const {}
    void backward(auto&, auto, const auto&, auto, auto, auto) const {}
};

int main() {
    ParameterLayout layout;
    const SequentialBlock<RmsNorm, Attention<Rotary>, Identity> block(
        layout, "block",
        {.norm = {.width = 8}, .attention = {.width = 8, .heads = 1, .kv_heads = 1, .head_size = 8}});
}
