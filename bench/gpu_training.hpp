#pragma once

#include "gpu_machine.hpp"

#include <lapidary/counting.hpp>
#include <lapidary/data/batch.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/train/plan.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

/// What `bench_gpu_step` trains, and the room that it takes.
namespace bench {

/// The architecture's own presets, and two that fit smaller GPUs: 1,261,529,088 and 3,018,775,040 parameters.
inline lapidary::AmberConfig config_of(const std::string& preset) {
    if (preset == "1b") return {32000, 2048, 5632, 22, 16, 16};
    if (preset == "3b") return {32000, 2560, 6912, 36, 20, 20};
    for (const auto& [name, config] : lapidary::AmberConfig::presets()) {
        if (name == preset) return config;
    }
    throw lapidary::Error(lapidary::ErrorCode::value, "preset",
                          "there is no '" + preset + "'; bench_gpu_step has 7b, 3b, 1b, m, s, tiny, nano");
}

inline lapidary::Recompute level_of(const std::string& name) {
    for (const lapidary::Recompute level : lapidary::recompute_levels) {
        if (lapidary::name_of(level) == name) return level;
    }
    throw lapidary::Error(lapidary::ErrorCode::value, "recompute", "there is no level '" + name + "'");
}

/// Scratch for a micro-batch: what the code that trains keeps, and what operations need in between: the most is a
/// layer's scores, which cuDNN writes to memory for a gradient that repeats.
template <class T>
std::size_t scratch_bytes(const lapidary::Amber& model, Index micro_batch) {
    lapidary::BasicCounting<T> counting;
    const auto& c = model.config();
    const Index scores =
        micro_batch * c.num_attention_heads * c.max_position_embeddings * c.max_position_embeddings;
    return lapidary::plan_step(counting, model, micro_batch, c.max_position_embeddings).activations +
           static_cast<std::size_t>(scores) * sizeof(T) + (std::size_t{512} << 20);
}

/// As many sequences at once as fit beside the state.
template <class T>
Index fitting_micro_batch(const lapidary::Amber& model, Index batch) {
    const auto each = sizeof(T) + (sizeof(T) < sizeof(float) ? sizeof(std::int16_t) : 0) + 3 * sizeof(float);
    const std::size_t state = static_cast<std::size_t>(model.layout().size()) * each + (std::size_t{1} << 30);
    Index sequences = batch;
    while (sequences > 1 && state + scratch_bytes<T>(model, sequences) > free_memory())
        sequences = (sequences + 1) / 2;
    return sequences;
}

/// Random weights in no time; `initialize` draws each of billions on the CPU.
template <class T>
void fill_weights(lapidary::BasicCuda<T>& gpu, const lapidary::ParameterLayout& layout, View<T, 1> weights) {
    fill_normal(gpu, weights, 0.02);
    for (const lapidary::Leaf& leaf : layout.leaves()) {
        if (leaf.initializer.kind == lapidary::Initializer::Kind::constant)
            lapidary::fill(gpu, weights.slice(leaf.offset, leaf.size()), leaf.initializer.value);
    }
}

inline lapidary::Batch random_batch(const lapidary::AmberConfig& config, Index sequences) {
    lapidary::Batch batch;
    batch.batch = sequences;
    batch.context = config.max_position_embeddings;
    batch.tokens = word_ids(sequences * (batch.context + 1), config.vocab_size);
    return batch;
}

}  // namespace bench
