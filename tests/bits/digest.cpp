// Trains a small, odd-shaped AMBER for three steps and prints the SHA-256 of its weights. The tests build this
// program for several instruction sets and optimisation levels, and every one must print the digest in
// CMakeLists.txt.

#include <lapidary/cpu.hpp>
#include <lapidary/lapidary.hpp>

#include <cstdio>

using namespace lapidary;

int main() {
    AmberConfig config = AmberConfig::nano();
    config.vocab_size = 101;
    config.hidden_size = 60;
    config.intermediate_size = 77;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 3;
    config.num_key_value_heads = 1;
    config.max_position_embeddings = 270;
    const Amber model{config};

    Cpu device({.threads = 2});
    SingleProcess world;
    TrainState<Cpu> state(device, model.layout());
    for (const Leaf& leaf : model.layout().leaves()) {
        const Philox random(1, "digest", name_hash(leaf.name));
        for (Index i = 0; i < leaf.size(); ++i) {
            const double u = random.uniform(static_cast<std::uint64_t>(i));
            state.weights.view()[leaf.offset + i] =
                leaf.role == Role::norm ? 1.0F : static_cast<float>((u - 0.5) / 8);
        }
    }
    for (Index step = 0; step < 3; ++step) {
        Batch batch;
        batch.batch = 2;
        batch.context = 270;
        const Philox random(2, "tokens", static_cast<std::uint64_t>(step));
        for (std::uint64_t i = 0; i < 2 * 271; ++i) {
            batch.tokens.push_back(static_cast<std::int32_t>(random.integer(i) % 101));
        }
        train_step(device, world, model, state, batch, AdamW{}, 1e-2, {.lanes = 2});
    }
    const std::vector<float> weights = state.weights.to_host();
    std::printf("%s\n", sha256_hex(std::as_bytes(std::span(weights))).c_str());
}
