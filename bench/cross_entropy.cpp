// The loss of one chunk of tokens, and its gradient in place of the logits.

#include "support.hpp"

using namespace bench;
using namespace lapidary;

int main(int argc, char** argv) {
    constexpr Index tokens = 512;
    constexpr double elements = double{tokens} * double{vocabulary};
    add("cross_entropy", [=](benchmark::State& state) {
        auto logits = numbers<2>({tokens, vocabulary});
        auto losses = numbers<1>({tokens});
        const auto targets = token_ids(tokens, vocabulary);
        measure_bytes(state, 4 * elements, [&] {  // reads the logits
            cross_entropy(device(), logits.view(), targets.view(), losses.view());
        });
    });
    add("cross_entropy_gradient", [=](benchmark::State& state) {
        auto logits = numbers<2>({tokens, vocabulary});
        auto losses = numbers<1>({tokens});
        const auto targets = token_ids(tokens, vocabulary);
        measure_bytes(state, 8 * elements, [&] {  // reads the logits, writes their gradient
            cross_entropy_gradient(device(), logits.view(), targets.view(), losses.view(), 1e-3);
        });
    });
    return bench::run(argc, argv);
}
