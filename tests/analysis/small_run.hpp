#pragma once

#include "data/support.hpp"

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/checkpoint/manifest.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/train/digest_log.hpp>
#include <lapidary/train/run_step.hpp>
#include <lapidary/train/state_digest.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lapidary::test {

/// What a test may do to a run while it trains.
struct Meddling {
    std::function<void(RunRecord&, Index step)> before = [](RunRecord&, Index) {};
    std::function<void(TrainState<Cpu>&, Index step)> after = [](TrainState<Cpu>&, Index) {};
    std::uint64_t seed = 7;  ///< of the weights
    Index digest_every = 1;
};

/// A run of seconds: a model of two blocks, 24 steps over 2 chunks, a checkpoint every 6 steps.
struct SmallRun {
    static constexpr Index steps = 24, every = 6, batch = 4, context = 7, vocabulary = 40;
    std::filesystem::path directory, data;

    explicit SmallRun(const std::filesystem::path& root) : directory(root / "run"), data(root / "data") {
        std::vector<std::vector<std::vector<TokenId>>> chunks(2);
        const Philox random(3, "windows");
        for (std::size_t chunk = 0; chunk < chunks.size(); ++chunk) {
            for (std::uint64_t window = 0; window < 56; ++window) {
                std::vector<TokenId> ids;
                for (std::uint64_t t = 0; t <= context; ++t) {
                    ids.push_back(static_cast<TokenId>(3 + random.integer((chunk * 56 + window) * 8 + t) % 37));
                }
                chunks[chunk].push_back(ids);
            }
        }
        write_chunks(data, vocabulary, chunks);
    }

    static AmberConfig config() {
        AmberConfig config = AmberConfig::nano();
        config.vocab_size = vocabulary;
        config.hidden_size = 16;
        config.intermediate_size = 24;
        config.num_hidden_layers = 2;
        config.num_attention_heads = 2;
        config.num_key_value_heads = 2;
        config.max_position_embeddings = context;
        return config;
    }
    [[nodiscard]] RunDefinition definition() const {
        RunDefinition run;
        run.model = Amber::Config::family;
        run.config = config_json(config());
        run.data = sha256_file(data / data_manifest);
        run.seed = 7;
        run.batch = batch;
        run.lanes = 2;
        run.steps = steps;
        run.rate = {.peak = 1e-2, .floor = 1e-3, .warmup_steps = 3, .steps = steps};
        run.adamw = {0.9, 0.95, 1e-8, 0.1};
        run.clip = 1;
        return run;
    }
    [[nodiscard]] TokenChunks chunks() const { return TokenChunks(data, {.batch_size = batch, .seed = 7}); }

    /// Trains it and writes what `pretrain` writes.
    void train(const Meddling& meddling) const {
        std::filesystem::remove_all(directory);
        std::filesystem::create_directories(directory / "checkpoints");
        const Json recorded = to_json(definition());
        record_manifest(directory, recorded, Json::object());
        const TokenChunks tokens = chunks();
        const Amber model(config());
        Cpu device({.threads = 1});
        SingleProcess world;
        TrainState<Cpu> state(device, model.layout());
        initialize(device, model, state, {.seed = meddling.seed});
        JsonLines metrics(directory / "metrics.jsonl", 0);
        DigestLog digests(directory / "digests.jsonl", recorded, 0);
        RunRecord run{definition(), {}};
        for (Index step = 0; step < steps; ++step) {
            meddling.before(run, step);
            metrics << run_step(device, world, model, state, tokens, run, 0, {});
            meddling.after(state, step);
            if ((step + 1) % meddling.digest_every == 0) {
                digests.add(step, state_digest(device, world, model.layout(), state));
            }
            if ((step + 1) % every == 0) {
                save_checkpoint(device, world, model, state,
                                directory / "checkpoints" / ("step_" + std::to_string(step + 1)),
                                {.tokenizer = {}, .cursor = {{"next_step", step + 1}}});
            }
        }
    }
};

}  // namespace lapidary::test
