// says: a block needs backward\(device, weights, saved, d, gradients\) const, which turns d

#include <lapidary/nn/nn.hpp>

using namespace lapidary;

// A block that does nothing.
struct Plain {
    using NormLayer = RmsNorm;
    struct Options {
        RmsNorm::Options norm{};
    };
    template <class T>
    struct Saved {};
    Plain(ParameterLayout&, const std::string&, const Options&) {}
    void forward(auto&, auto, auto, auto, auto&) const {}
    void forward(auto&, auto, auto, auto, KeyValueCache<float>, std::span<const CachedSequence>) const {}
#ifdef BROKEN
    void backward(auto&, auto, const auto&, auto, auto, auto) const {}
#else
    void backward(auto&, auto, const auto&, auto, auto) const {}
#endif
    static Shape<4> cache_shape(const Options&, Index batch, Index time) { return {batch, time, 1, 1}; }
};

int main() { const Decoder<Plain> model({}); }
