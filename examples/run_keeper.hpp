#pragma once

#include "pretrain_options.hpp"

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/checkpoint/timeline.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/train/digest_log.hpp>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

namespace fs = std::filesystem;

// ckpt_007 after the eighth chunk, step_00000123 in between. `batch`: which one of the data the step took.
inline std::string checkpoint_name(const lapidary::StepRecord& record, lapidary::Index batch,
                                   const lapidary::TokenChunks& chunks) {
    char name[64];
    if (record.chunk_finished) {
        std::snprintf(name, sizeof name, "ckpt_%03ld", batch / chunks.steps_per_chunk());
    } else {
        std::snprintf(name, sizeof name, "step_%08ld", record.step + 1);
    }
    return name;
}

/// What decides the run's bits.
template <class Model>
lapidary::RunDefinition definition_of(const Options& options, const Model& model, lapidary::Index steps) {
    using namespace lapidary;
    const TrainingRecipe recipe = model.config().recipe();
    RunDefinition run;
    run.model = Model::Config::family;
    run.config = config_json(model.config());
    run.data = sha256_file(options.data / data_manifest);
    if (!options.init.empty()) run.init = weights_hash(options.init);
    run.seed = options.seed;
    run.batch = options.batch;
    run.lanes = options.lanes;
    run.steps = steps;
    run.rate = learning_rate(options, recipe, steps);
    run.adamw = {recipe.beta1, recipe.beta2, recipe.epsilon,
                 options.weight_decay >= 0 ? options.weight_decay : recipe.weight_decay};
    run.clip = options.clip;
    run.separate_documents = options.separate_documents;
    if (options.where.on_gpu()) {
        run.cuda = {{"precision", options.where.precision},
                    {"moments", options.moments},
                    {"micro-batch", options.micro_batch},
                    {"cudnn", options.where.cudnn}};
    }
    return run;
}

/// Rank 0 keeps the run's directory for all: its lock, its manifest, its logs.
struct Keeper {
    lapidary::RunLock lock;
    std::optional<lapidary::JsonLines> metrics;
    std::optional<lapidary::DigestLog> digests;

    Keeper(const Options& options, const lapidary::Json& definition) : lock(options.run) {
        using namespace lapidary;
        record_manifest(options.run, definition, {{"lapidary", version}, {"compiler", compiler_name()}});
        remove_partial_checkpoints(options.run / "checkpoints");
    }
    /// The logs go on at a step.
    void open_logs(const Options& options, lapidary::Index step) {
        using namespace lapidary;
        metrics.reset();
        digests.reset();
        metrics.emplace(options.run / "metrics.jsonl", step);
        const fs::path file = options.run / "digests.jsonl";
        if (options.digest_every > 0) {
            const std::string where = (options.run / "manifest.json").string();
            digests.emplace(file, get<Json>(read_manifest(options.run), "definition", where), step);
        } else if (fs::exists(file)) {
            JsonLines(file, step);  // what it has of later steps may not come to be
        }
    }
    void sync() {
        metrics->sync();
        if (digests) digests->sync();
    }
};
