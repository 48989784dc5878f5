#pragma once

#include "io/support.hpp"
#include "train/support.hpp"

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/schedule.hpp>
#include <lapidary/train/train_step.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace checkpoint_test {

using namespace lapidary;
namespace fs = std::filesystem;

/// A model of 6,000 parameters: what is tested here is files, not learning.
inline AmberConfig small_config() {
    AmberConfig config = AmberConfig::nano();
    config.vocab_size = 50;
    config.hidden_size = 16;
    config.intermediate_size = 20;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 1;
    config.max_position_embeddings = 12;
    return config;
}

/// A training run on random tokens: the batch is a function of the step.
struct SmallRun {
    Cpu device;
    Amber model{small_config()};
    TrainState<Cpu> state;

    explicit SmallRun(int threads = 1) : device({.threads = threads}), state(device, model.layout()) {}

    /// Begun as every run of these tests is, and trained up to `step`.
    static std::unique_ptr<SmallRun> make(int threads, Index step) {
        auto run = std::make_unique<SmallRun>(threads);
        initialize(run->device, run->model, run->state, {.seed = 3});
        run->train_to(step);
        return run;
    }

    void train_to(Index step) {
        SingleProcess world;
        const CosineSchedule rate{.peak = 1e-2, .floor = 1e-3, .warmup_steps = 1, .total_steps = 8};
        while (state.step < step) {
            const Batch batch = test::random_batch(4, 12, 50, static_cast<std::uint64_t>(state.step));
            train_step(device, world, model, state, batch, AdamW{}, rate(state.step), {.lanes = 2});
        }
    }

    void save(const fs::path& directory, const CheckpointExtras& extras = {}) {
        save_checkpoint(device, model, state, directory, extras);
    }
    Json read(const fs::path& directory) { return read_checkpoint(device, model, state, directory); }
};

/// Every file below a directory, by relative path.
using Contents = std::map<std::string, std::string>;

inline Contents contents(const fs::path& directory) {
    Contents files;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file()) {
            files[entry.path().lexically_relative(directory).string()] = read_text(entry.path());
        }
    }
    return files;
}

/// A tensor taken out of a file, to be changed and written again.
struct LooseTensor {
    TensorSpec spec;
    std::vector<std::byte> bytes;
};

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& elements) {
    const auto bytes = std::as_bytes(std::span(elements));
    return {bytes.begin(), bytes.end()};
}

inline std::vector<LooseTensor> read_tensors(const fs::path& file) {
    const SafetensorsReader reader(file);
    std::vector<LooseTensor> tensors;
    for (const TensorInfo& info : reader.tensors()) {
        const auto bytes = reader.bytes(info.name);
        tensors.push_back({{info.name, info.dtype, info.shape}, {bytes.begin(), bytes.end()}});
    }
    return tensors;
}

inline void write_tensors(const fs::path& file, const std::vector<LooseTensor>& tensors) {
    std::vector<TensorSpec> specs;
    for (const LooseTensor& tensor : tensors) specs.push_back(tensor.spec);
    SafetensorsWriter writer(file, specs);
    for (const LooseTensor& tensor : tensors) writer.append(std::span<const std::byte>(tensor.bytes));
    writer.finish();
}

inline LooseTensor& find(std::vector<LooseTensor>& tensors, const std::string& name) {
    for (LooseTensor& tensor : tensors) {
        if (tensor.spec.name == name) return tensor;
    }
    FAIL("no tensor " << name);
    return tensors.front();
}

}  // namespace checkpoint_test
