// Causal attention over a fused q, k, v buffer, as the models call it.

#include "support.hpp"

using namespace bench;
using namespace lapidary;

namespace {

struct Setup {
    const char* name;
    Index batch, time, heads, head_size;

    [[nodiscard]] Index width() const { return heads * head_size; }
    /// Of the definition: half of the T x T square, two products. Scores computed again in the gradient do not
    /// count.
    [[nodiscard]] double flops() const { return 2.0 * static_cast<double>(batch * time * time * width()); }
};

constexpr Setup setups[] = {{"S", 8, 256, 6, 64}, {"M", 4, 512, 12, 64}, {"long", 1, 2048, 8, 128}};

/// Buffers [B, T, 3C] for q, k, v and their gradients, [B, T, C] for the result and its gradient.
struct Buffers {
    Setup setup;
    Array<3> qkv, dqkv, out, dout, log_sum;
    AttentionRule rule;

    explicit Buffers(const Setup& s)
        : setup(s),
          qkv(numbers<3>({s.batch, s.time, 3 * s.width()})),
          dqkv(numbers<3>(qkv.shape())),
          out(numbers<3>({s.batch, s.time, s.width()})),
          dout(numbers<3>(out.shape())),
          log_sum(numbers<3>({s.batch, s.heads, s.time})),
          rule{1 / std::sqrt(static_cast<double>(s.head_size))} {}

    Heads<float> part(Array<3>& buffer, Index index) const {
        return heads_of(buffer.view(), index * setup.width(), setup.heads, setup.head_size);
    }
    void forward() {
        attention(device(), part(qkv, 0), part(qkv, 1), part(qkv, 2), rule, part(out, 0), log_sum.view());
    }
    void gradient() {
        attention_gradient(device(), part(qkv, 0), part(qkv, 1), part(qkv, 2), rule, part(out, 0), log_sum.view(),
                           part(dout, 0), part(dqkv, 0), part(dqkv, 1), part(dqkv, 2));
    }
};

}  // namespace

int main(int argc, char** argv) {
    for (const Setup& setup : setups) {
        add(std::string("attention/") + setup.name, [=](benchmark::State& state) {
            Buffers buffers(setup);
            measure_flops(state, setup.flops(), [&] { buffers.forward(); });
        });
        add(std::string("attention_gradient/") + setup.name, [=](benchmark::State& state) {
            Buffers buffers(setup);
            buffers.forward();
            measure_flops(state, 2 * setup.flops(), [&] { buffers.gradient(); });
        });
    }
    return bench::run(argc, argv);
}
