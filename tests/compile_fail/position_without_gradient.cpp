// says: a position scheme needs gradient\(device, dq, dk, positions\) const, the gradient of apply, in place

#include <lapidary/nn/nn.hpp>

using namespace lapidary;

struct NoPosition {
    struct Options {};
    explicit NoPosition(const Options&) {}
    void apply(auto&, auto, auto, const Positions&) const {}
    AttentionRule adjust(const AttentionRule& rule) const { return rule; }
#ifndef BROKEN
    void gradient(auto&, auto, auto, const Positions&) const {}
#endif
};

int main() {
    ParameterLayout layout;
    const Attention<NoPosition> attention(layout, "attention",
                                          {.width = 8, .heads = 1, .kv_heads = 1, .head_size = 8});
}
