#pragma once

#include "launch.hpp"
#include "pinned_products.hpp"
#include "pretrain_options.hpp"
#include "progress.hpp"
#include "stop_signals.hpp"

#include <lapidary/comm/agreement.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/lapidary.hpp>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

constexpr int stopped_by_signal = 75;  // as EX_TEMPFAIL: start it again to go on

// ckpt_007 after the eighth chunk, step_00000123 in between.
inline std::string checkpoint_name(const lapidary::StepRecord& record, const lapidary::TokenChunks& chunks) {
    char name[64];
    if (record.chunk_finished) {
        std::snprintf(name, sizeof name, "ckpt_%03ld", record.step / chunks.steps_per_chunk());
    } else {
        std::snprintf(name, sizeof name, "step_%08ld", record.step + 1);
    }
    return name;
}

// What identifies the weights to start from: one file, or the list of shards.
inline std::string weights_hash(const std::filesystem::path& directory) {
    const std::filesystem::path whole = directory / "model.safetensors";
    return lapidary::sha256_file(std::filesystem::exists(whole) ? whole
                                                                : directory / "model.safetensors.index.json");
}

/// Rank 0 keeps the run's directory for all: its lock, its manifest, its log.
struct Keeper {
    lapidary::RunLock lock;
    std::optional<lapidary::JsonLines> log;

    Keeper(const Options& options, const lapidary::Json& definition) : lock(options.run) {
        using namespace lapidary;
        record_manifest(options.run, definition, {{"lapidary", version}, {"compiler", compiler_name()}});
        remove_partial_checkpoints(options.run / "checkpoints");
    }
};

/// What decides a run's bits. On a GPU these are also what it is told of precision and micro-batches, and what
/// `run/products.json` records.
template <class Model>
lapidary::Json definition_of(const Options& options, const Model& model, const lapidary::AdamW& optimizer,
                             lapidary::Index steps, const Rate& rate) {
    using namespace lapidary;
    Json definition = {{"model", Model::Config::family},
                       {"config", config_json(model.config())},
                       {"data", sha256_file(options.data / data_manifest)},
                       {"init", options.init.empty() ? Json(nullptr) : Json(weights_hash(options.init))},
                       {"seed", options.seed},
                       {"batch", options.batch},
                       {"lanes", options.lanes},
                       {"steps", steps},
                       {"rate", rate.json()},
                       {"adamw", {optimizer.beta1, optimizer.beta2, optimizer.epsilon, optimizer.weight_decay}},
                       {"clip", options.clip}};
    if (options.separate_documents) definition["separate-documents"] = true;
    if (options.where.on_gpu()) {
        definition["cuda"] = {{"precision", options.where.precision},
                              {"moments", options.moments},
                              {"micro-batch", options.micro_batch},
                              {"cudnn", options.where.cudnn}};
    }
    return definition;
}

/// The run on one rank: begins it, or goes on from the last checkpoint. Returns the program's exit code.
template <lapidary::Device D, class Model>
int train(D& device, const Options& options, lapidary::AnyCommunicator& world, const lapidary::TokenChunks& chunks,
          const Model& model) {
    using namespace lapidary;
    namespace fs = std::filesystem;
    const Index steps = options.steps > 0 ? options.steps : chunks.steps_per_epoch();
    const Rate rate(options, model.config().recipe(), steps);
    AdamW optimizer = AdamW::of(model.config().recipe());
    if (options.weight_decay >= 0) optimizer.weight_decay = options.weight_decay;
    optimizer.seed = options.seed;
    const fs::path checkpoints = options.run / "checkpoints", products = options.run / "products.json";
    fs::path tokenizer = options.data / "tokenizer.model";
    if (!fs::exists(tokenizer)) tokenizer = options.data / "tokenizer.json";
    const Json definition = definition_of(options, model, optimizer, steps, rate);

    Json agreed = definition;
    agreed.update({{"lapidary", version},
                   {"zero", options.zero},
                   {"micro-batch", options.micro_batch},
                   {"checkpoint-every", options.checkpoint_every},
                   {"stop-after", options.stop_after},
                   {"recompute", options.recompute_name()},
                   {"background", options.background}});
    require_agreement(device, world, agreed);
    (void)LaneShare(options.lanes, options.batch, world.size(), world.rank(),
                    false);  // before anything is written
    const bool first = world.rank() == 0;
    if (first) fs::create_directories(checkpoints);
    std::optional<Keeper> keeper;
    if (first) keeper.emplace(options, definition);
    require_shared_directory(device, world, options.run);
    const fs::path latest =
        text_of_first(device, world, first ? latest_checkpoint(checkpoints).string() : "", {"start", 10});
    pin_products(device, products);
    std::size_t recorded = 0;

    TrainState<D> state(device, model.layout(),
                        {.ranks = world.size(), .rank = world.rank(), .zero = static_cast<Zero>(options.zero)},
                        options.moments == "bf16" ? Moments::bf16 : Moments::full);
    if (!latest.empty()) {
        read_checkpoint(device, world, model, state, latest);
        if (first) std::printf("resuming at step %ld from %s\n", state.step, latest.c_str());
    } else if (!options.init.empty()) {
        read_weights(device, model, options.init, state);
    } else {
        initialize(device, model, state, {.seed = options.seed});
    }
    if (first) {
        keeper->log.emplace(options.run / "metrics.jsonl", state.step);
        std::printf("%ld parameters, %ld steps of %ld x %ld tokens, %d rank(s) of %s\n",
                    model.layout().parameter_count(), steps, options.batch, chunks.context(), world.size(),
                    device_name(device).c_str());
        std::fflush(stdout);
    }

    Progress bar("train", first ? steps : 0);
    CheckpointSaver<D> saver;
    std::string saved;  // what to say when the checkpoint under way is complete
    const auto report = [&] {
        if (!first || saved.empty()) return;
        bar.finish();
        std::printf("%s\n", saved.c_str());
        std::fflush(stdout);
        saved.clear();
    };
    bool stop = false;
    const Index first_step = state.step;
    for (Index step = first_step; step < steps && !stop; ++step) {
        const StepRecord record =
            train_step(device, world, model, state, chunks.batch(step), optimizer, rate(step),
                       {.micro_batch = options.micro_batch, .lanes = options.lanes, .clip_norm = options.clip});
        if (first) {
            *keeper->log << record;
            char note[96];
            std::snprintf(note, sizeof note, "loss %.3f | %.0f tokens/s", record.loss, record.tokens_per_second());
            bar.update(step + 1, note);
        }
        if (!saver.poll(device, world)) report();

        // A signal may have reached some ranks only, and they must stop at one step.
        const bool asked = any(device, world, StopSignals::requested(), "agreement on stopping");
        stop = asked || step + 1 == first_step + options.stop_after;
        const bool due = options.checkpoint_every > 0 && (step + 1) % options.checkpoint_every == 0;
        if (record.chunk_finished || due || stop || step + 1 == steps) {
            const double loss =
                validation_loss(device, world, model, state, chunks, options.batch, options.sequences_at_once());
            if (first && chunks.validation_windows() > 0)
                keeper->log->write({{"step", step}, {"validation_loss", loss}});
            if (first) keeper->log->sync();  // a checkpoint stands for the steps before it, and so must the log
            if (first) recorded = record_products(device, products, recorded);
            const std::string name = checkpoint_name(record, chunks);
            saver.finish(device, world);
            report();
            saver.start(device, world, model, state, checkpoints / name,
                        {.tokenizer = fs::exists(tokenizer) ? tokenizer : fs::path(),
                         .cursor = {{"next_step", state.step}}});
            char line[160];
            std::snprintf(line, sizeof line, "%s: step %ld, loss %.4f, validation loss %.4f", name.c_str(),
                          state.step, record.loss, loss);
            saved = line;
            if (!options.background || stop) saver.finish(device, world), report();
        }
        if (asked && step + 1 < steps) return stopped_by_signal;
    }
    saver.finish(device, world);
    report();
    return 0;
}
