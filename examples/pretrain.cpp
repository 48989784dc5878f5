// pretrain: the training run. Started again, it goes on from its last checkpoint, on as many ranks as it is then
// given.

#include "launch.hpp"
#include "pretrain_options.hpp"
#include "progress.hpp"
#include "stop_signals.hpp"

#include <lapidary/comm/agreement.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/lapidary.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

constexpr int stopped_by_signal = 75;  // as EX_TEMPFAIL: start it again to go on

// ckpt_007 after the eighth chunk, step_00000123 in between.
std::string checkpoint_name(const StepRecord& record, const TokenChunks& chunks) {
    char name[64];
    if (record.chunk_finished) {
        std::snprintf(name, sizeof name, "ckpt_%03ld", record.step / chunks.steps_per_chunk());
    } else {
        std::snprintf(name, sizeof name, "step_%08ld", record.step + 1);
    }
    return name;
}

// What identifies the weights to start from: one file, or the list of shards.
std::string weights_hash(const fs::path& directory) {
    const fs::path whole = directory / "model.safetensors";
    return sha256_file(fs::exists(whole) ? whole : directory / "model.safetensors.index.json");
}

// Rank 0 keeps the run's directory for all: its lock, its manifest, its log.
struct Keeper {
    RunLock lock;
    std::optional<JsonLines> log;

    Keeper(const Options& options, const Json& definition) : lock(options.run) {
        record_manifest(options.run, definition, {{"lapidary", version}, {"compiler", compiler_name()}});
        remove_partial_checkpoints(options.run / "checkpoints");
    }
};

template <class Model>
int train(const Options& options, AnyCommunicator& world, const TokenChunks& chunks, const Model& model) {
    const Index steps = options.steps > 0 ? options.steps : chunks.steps_per_epoch();
    const Rate rate(options, model.config().recipe(), steps);
    AdamW optimizer = AdamW::of(model.config().recipe());
    if (options.weight_decay >= 0) optimizer.weight_decay = options.weight_decay;
    const fs::path checkpoints = options.run / "checkpoints";
    fs::path tokenizer = options.data / "tokenizer.model";
    if (!fs::exists(tokenizer)) tokenizer = options.data / "tokenizer.json";
    const Json definition = {
        {"model", Model::Config::family},
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

    Cpu first_device({.threads = 1});
    Json agreed = definition;
    agreed.update({{"lapidary", version},
                   {"zero", options.zero},
                   {"micro-batch", options.micro_batch},
                   {"checkpoint-every", options.checkpoint_every},
                   {"stop-after", options.stop_after},
                   {"recompute", options.recompute},
                   {"background", options.background}});
    require_agreement(first_device, world, agreed);
    (void)LaneShare(options.lanes, options.batch, world.size(), world.rank(),
                    false);  // before anything is written
    const bool first = world.rank() == 0;
    if (first) fs::create_directories(checkpoints);
    std::optional<Keeper> keeper;
    if (first) keeper.emplace(options, definition);
    require_shared_directory(first_device, world, options.run);
    const fs::path latest =
        text_of_first(first_device, world, first ? latest_checkpoint(checkpoints).string() : "", {"start", 10});

    const int shared_threads = threads_per_rank(first_device, world);  // all ranks call it
    Cpu device({.threads = options.threads > 0 ? options.threads : shared_threads});
    TrainState<Cpu> state(device, model.layout(),
                          {.ranks = world.size(), .rank = world.rank(), .zero = static_cast<Zero>(options.zero)});
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
        std::printf("%ld parameters, %ld steps of %ld x %ld tokens, %d rank(s) of %d threads\n",
                    model.layout().parameter_count(), steps, options.batch, chunks.context(), world.size(),
                    device.threads());
        std::fflush(stdout);
    }

    Progress bar("train", first ? steps : 0);
    CheckpointSaver<Cpu> saver;
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
            const double loss = validation_loss(device, world, model, state, chunks, options.batch);
            if (first && chunks.validation_windows() > 0)
                keeper->log->write({{"step", step}, {"validation_loss", loss}});
            if (first) keeper->log->sync();  // a checkpoint stands for the steps before it, and so must the log
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

int run(Options& options) {
    std::optional<AnyCommunicator> joined = options.launch.join();
    if (options.data.empty()) options.data = options.run / "data";
    const TokenChunks chunks(options.data, {.batch_size = options.batch, .seed = options.seed});
    int code = 0;
    const auto start = [&](auto config) {
        using Config = typename decltype(config)::Model::Config;
        if (options.init.empty()) {
            config.fit(chunks.vocabulary(), chunks.context());
        } else if (config.vocab_size < chunks.vocabulary()) {
            throw Error(ErrorCode::value, "pretrain",
                        "the data has ids beyond the vocabulary of the model to start from");
        }
        if (!options.init.empty()) check_weights(typename Config::Model(config), options.init);
        options.launch.run(joined, [&](AnyCommunicator& world) {
            const int own = options.recompute ? train(options, world, chunks,
                                                      Decoder<Recompute<typename Config::Block>, Config>(config))
                                              : train(options, world, chunks, typename Config::Model(config));
            if (world.rank() == 0 || options.launch.comm != "threads") code = own;
        });
    };
    if (options.init.empty()) {
        visit_preset(options.model, options.preset, start);
    } else {
        visit_config(options.init, start);
    }
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Trains a model on prepared chunks. Exit code 75: stopped by a signal after saving; start again to go "
        "on."};
    Options options;
    options.add_to(app);
    StopSignals::listen();
    try {
        app.parse(argc, argv);
        return run(options);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
    } catch (const std::exception& error) {
        std::cerr << std::string("pretrain: ") + error.what() + "\n";
        return 1;
    }
}
