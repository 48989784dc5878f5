#pragma once

// The coordinate check: mean absolute activations of models of several widths after a few steps. The test and the
// bench program share it.

#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/eval/activations.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/train/train_step.hpp>

#include <vector>

namespace coordinate_check {

using namespace lapidary;

inline constexpr Index base_width = 64, context = 32, vocabulary = 101;

/// A CrystalCoder of some width, heads of 16; without muP all that depends on the width is that of the base width.
inline CrystalCoderConfig config(Index width, Index layers, bool mup) {
    CrystalCoderConfig config = CrystalCoderConfig::at_width(width, layers, width / 16, base_width);
    config.fit(vocabulary, context);
    if (!mup) {
        config.mup_width_scale = 1;
        config.mup_scale_qk_dot_by_d = false;
    }
    return config;
}

/// Activations (embedding, blocks, logits) after `steps` steps at one rate on random tokens.
inline std::vector<double> activations(Cpu& device, const CrystalCoderConfig& config, Index steps, double rate) {
    const CrystalCoder model(config);
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 1});
    SingleProcess world;
    Batch batch;
    batch.batch = 8;
    batch.context = context;
    const Philox random(3, "coordinates");
    for (Index i = 0; i < batch.batch * (context + 1); ++i) {
        batch.tokens.push_back(
            static_cast<std::int32_t>(random.integer(static_cast<std::uint64_t>(i)) % vocabulary));
    }
    for (Index step = 0; step < steps; ++step) {
        train_step(device, world, model, state, batch, AdamW::of(config.recipe()), rate);
    }
    ScratchScope scope(device.scratch());
    const SequenceBatch<Cpu> tokens(device, batch.view());
    return mean_activations(device, model, state.weights, tokens.inputs);
}

}  // namespace coordinate_check
