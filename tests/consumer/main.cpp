// A model with a layer that lapidary does not have learns one batch by heart, and the components that were asked
// for are there. Exits with 1 if not.

#include "components.hpp"
#include "relu_squared_mlp.hpp"

#include <lapidary/lapidary.hpp>

#include <cstdio>

using namespace lapidary;

using Model = Decoder<SequentialBlock<RmsNorm, Attention<Rotary>, mine::ReluSquaredMlp>>;

int main() {
    const Index vocabulary = 37, width = 32, context = 24, sequences = 4;
    Cpu device{{.threads = 2}};
    const Model model{{.embedding = {.vocabulary = vocabulary, .width = width},
                       .block = {.norm = {.width = width},
                                 .attention = {.width = width,
                                               .heads = 2,
                                               .kv_heads = 2,
                                               .head_size = width / 2,
                                               .position = {.size = width / 2}},
                                 .mlp = {.width = width, .inner = 4 * width}},
                       .layers = 2,
                       .context = context}};
    TrainState<Cpu> state{device, model.layout()};
    initialize(device, model, state, {.seed = 1});

    Batch batch;
    batch.batch = sequences;
    batch.context = context;
    const Philox random(2, "tokens");
    for (Index i = 0; i < sequences * (context + 1); ++i) {
        batch.tokens.push_back(
            static_cast<std::int32_t>(random.integer(static_cast<std::uint64_t>(i)) % vocabulary));
    }

    const AdamW optimizer{.weight_decay = 0};
    SingleProcess world;
    double first = 0, last = 0;
    for (int step = 0; step < 80; ++step) {
        last = train_step(device, world, model, state, batch, optimizer, 3e-3).loss;
        if (step == 0) first = last;
    }
    std::printf("loss %.3f, after 80 steps %.3f\n", first, last);
    if (use_components() != COMPONENTS) return 1;
    return first > 3.3 && first < 4.2 && last < 0.2 ? 0 : 1;
}
