// Packed documents that are kept apart, on a GPU or its stand-in: whole models, and work that is recorded.

#include "nn/documents.hpp"
#include "support.hpp"
#include "support/documents.hpp"
#include "train/support.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/cuda/kernels.cuh>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/models/mpt.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/train/train_step.hpp>

using namespace lapidary;
using namespace lapidary::test;

namespace {

constexpr Index vocabulary = 29, context = 70;

AmberConfig small_amber() {
    AmberConfig config = AmberConfig::nano(vocabulary, context);
    config.hidden_size = 32;
    config.intermediate_size = 24;
    config.num_hidden_layers = 1;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 1;
    return config;
}
CrystalCoderConfig small_crystalcoder() {
    CrystalCoderConfig config = CrystalCoderConfig::at_width(32, 1, 2, 16);
    config.fit(vocabulary, context);
    return config;
}
MptConfig small_mpt() {
    MptConfig config;
    config.fit(vocabulary, context);
    config.d_model = 24;
    config.n_heads = 3;
    config.n_layers = 1;
    return config;
}

template <class Config>
void check_model(const Config& config) {
    using Model = typename Config::Model;
    const PackedWindows windows(vocabulary, {{1, 40, 29}});
    auto&& single = fresh_gpu<float>();
    check_documents_alone(single, Model(config), windows, 1e-5);
    auto&& mixed = fresh_gpu<bf16>();
    check_documents_alone(mixed, Model(config), windows, 0.03);
    const Learnt expected = learn(mixed, Model(config), windows, Learn::documents),
                 again = learn(mixed, Model(config, Recompute::block), windows, Learn::documents);
    CHECK(again.losses.data == expected.losses.data);
    CHECK(again.gradients.data == expected.gradients.data);
}

/// The weights after steps on batches some of which have documents, others in other places than those before.
template <class D>
std::vector<float> train(D& device) {
    const Amber model(small_amber());
    SingleProcess world;
    TrainState<D> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    for (const int documents : {1, 1, 2, 0, 0, 0, 3, 0}) {
        Batch batch = random_batch(2, 12, vocabulary, static_cast<std::uint64_t>(state.step));
        if (documents > 0) batch.starts = random_starts(2, 12, 6, static_cast<std::uint64_t>(documents));
        train_step(device, world, model, state, batch, AdamW{}, 1e-3);
    }
    std::vector<float> weights;
    for (const Scalar<D> weight : state.weights.to_host()) weights.push_back(static_cast<float>(weight));
    return weights;
}

}  // namespace

TEST_CASE("documents that are kept apart are learnt on a GPU as sequences of their own: rotary") {
    check_model(small_amber());
}
TEST_CASE("documents that are kept apart are learnt on a GPU as sequences of their own: partial rotary") {
    check_model(small_crystalcoder());
}
TEST_CASE("documents that are kept apart are learnt on a GPU as sequences of their own: linear biases") {
    check_model(small_mpt());
}

#ifndef LAPIDARY_TEST_GPU
TEST_CASE("work that is recorded reads the documents of its step") {
    HostGpu<bf16> recording(ThreadOrder::forward, true), repeating(ThreadOrder::forward, false);
    CHECK(train(recording) == train(repeating));
}
#endif
