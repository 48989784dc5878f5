// pretrain: the training run. Started again, it goes on from its last checkpoint.

#include "progress.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/lapidary.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

constexpr int stopped_by_signal = 75;  // as EX_TEMPFAIL: start it again to go on

struct Options {
    fs::path run, data, init;
    std::string model = "amber", preset = "nano", schedule, device = "cpu";
    Index steps = 0, batch = 8, micro_batch = 0, lanes = 1, checkpoint_every = 0, stop_after = 0;
    int threads = 0;
    std::uint64_t seed = 11111;
    double peak = 3e-4, floor = -1, clip = 1.0, weight_decay = -1;
    Index warmup = -1;
    bool recompute = false;
};

volatile std::sig_atomic_t stop_requested = 0;
void request_stop(int) { stop_requested = 1; }

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

template <class Model>
int train(const Options& options, const TokenChunks& chunks, const Model& model) {
    const Index steps = options.steps > 0 ? options.steps : chunks.steps_per_epoch();
    const double floor = options.floor >= 0 ? options.floor : options.peak / 10;
    const Index warmup = options.warmup >= 0 ? options.warmup : steps / 20;
    const CosineSchedule cosine{options.peak, floor, warmup, steps};
    const LinearSchedule line{options.peak, floor, warmup, std::max<Index>(1, steps - warmup)};
    const bool linear = options.schedule.empty() ? model.config().recipe().linear_decay : options.schedule == "linear";
    const auto rate = [&](Index step) { return linear ? line(step) : cosine(step); };
    AdamW optimizer = AdamW::of(model.config().recipe());
    if (options.weight_decay >= 0) optimizer.weight_decay = options.weight_decay;
    const fs::path checkpoints = options.run / "checkpoints";
    fs::path tokenizer = options.data / "tokenizer.model";
    if (!fs::exists(tokenizer)) tokenizer = options.data / "tokenizer.json";
    fs::create_directories(checkpoints);
    const RunLock lock(options.run);
    record_manifest(options.run,
                    {{"model", Model::Config::family},
                     {"config", config_json(model.config())},
                     {"data", sha256_file(options.data / data_manifest)},
                     {"init", options.init.empty() ? Json(nullptr) : Json(weights_hash(options.init))},
                     {"seed", options.seed},
                     {"batch", options.batch},
                     {"lanes", options.lanes},
                     {"steps", steps},
                     {"rate",
                      {{"schedule", linear ? "linear" : "cosine"},
                       {"peak", options.peak},
                       {"floor", floor},
                       {"warmup_steps", warmup}}},
                     {"adamw", {optimizer.beta1, optimizer.beta2, optimizer.epsilon, optimizer.weight_decay}},
                     {"clip", options.clip}},
                    {{"lapidary", version}, {"compiler", compiler_name()}});

    Cpu device({.threads = options.threads});
    SingleProcess world;
    TrainState<Cpu> state(device, model.layout());
    remove_partial_checkpoints(checkpoints);
    if (const fs::path latest = latest_checkpoint(checkpoints); !latest.empty()) {
        read_checkpoint(device, model, state, latest);
        std::printf("resuming at step %ld from %s\n", state.step, latest.c_str());
    } else if (!options.init.empty()) {
        read_weights(device, model, options.init, state.weights.view());
    } else {
        initialize(device, model, state, {.seed = options.seed});
    }
    JsonLines log(options.run / "metrics.jsonl", state.step);
    std::printf("%ld parameters, %ld steps of %ld x %ld tokens, %d threads\n", model.layout().parameter_count(), steps,
                options.batch, chunks.context(), device.threads());
    std::fflush(stdout);

    Progress bar("train", steps);
    const Index first_step = state.step;
    for (Index step = first_step; step < steps; ++step) {
        const StepRecord record =
            train_step(device, world, model, state, chunks.batch(step), optimizer, rate(step),
                       {.micro_batch = options.micro_batch, .lanes = options.lanes, .clip_norm = options.clip});
        log << record;
        char note[96];
        std::snprintf(note, sizeof note, "loss %.3f | %.0f tokens/s", record.loss, record.tokens_per_second());
        bar.update(step + 1, note);

        const bool stop = stop_requested != 0 || step + 1 == first_step + options.stop_after;
        const bool due = options.checkpoint_every > 0 && (step + 1) % options.checkpoint_every == 0;
        if (record.chunk_finished || due || stop || step + 1 == steps) {
            const double loss = validation_loss(device, world, model, state, chunks, options.batch);
            if (chunks.validation_windows() > 0) log.write({{"step", step}, {"validation_loss", loss}});
            log.sync();  // a checkpoint stands for the steps before it, and so must the log
            const std::string name = checkpoint_name(record, chunks);
            save_checkpoint(device, model, state, checkpoints / name,
                            {.tokenizer = fs::exists(tokenizer) ? tokenizer : fs::path(), .cursor = {{"next_step", state.step}}});
            bar.finish();
            std::printf("%s: step %ld, loss %.4f, validation loss %.4f\n", name.c_str(), state.step, record.loss, loss);
            std::fflush(stdout);
        }
        if (stop && step + 1 < steps) return stop_requested != 0 ? stopped_by_signal : 0;
    }
    return 0;
}

int run(Options options) {
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
        code = options.recompute
                   ? train(options, chunks, Decoder<Recompute<typename Config::Block>, Config>(config))
                   : train(options, chunks, typename Config::Model(config));
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
    CLI::App app{"Trains a model on prepared chunks. Exit code 75: stopped by a signal after saving; start again to go on."};
    Options options;
    app.add_option("--run", options.run, "Directory of the run")->required();
    app.add_option("--data", options.data, "Prepared chunks [RUN/data]");
    app.add_option("--model", options.model, "Architecture: amber, crystalcoder, llama, mistral, neox, ...")->capture_default_str();
    app.add_option("--preset", options.preset, "Size of that architecture: nano, tiny, s, m, 7b, ...")->capture_default_str();
    app.add_option("--init", options.init, "Start from the weights of this Hugging Face directory");
    app.add_option("--steps", options.steps, "Optimizer steps [one pass over the data]");
    app.add_option("--batch", options.batch, "Sequences a step")->capture_default_str();
    app.add_option("--micro-batch", options.micro_batch, "Sequences in flight; changes memory, not results [a lane]");
    app.add_option("--lanes", options.lanes, "Power of two: how the batch is summed; part of the run")->capture_default_str();
    app.add_option("--threads", options.threads, "Threads; results do not depend on them [all cores]");
    app.add_option("--seed", options.seed, "Seed of weights and order")->capture_default_str();
    app.add_option("--peak", options.peak, "Highest learning rate")->capture_default_str();
    app.add_option("--floor", options.floor, "Last learning rate [a tenth of the highest]");
    app.add_option("--warmup", options.warmup, "Steps to the highest learning rate [a twentieth of all]");
    app.add_option("--schedule", options.schedule, "How the rate falls [as the model was trained]")->check(CLI::IsMember({"cosine", "linear"}));
    app.add_option("--clip", options.clip, "Limit of the gradient norm; 0: none")->capture_default_str();
    app.add_option("--weight-decay", options.weight_decay, "Weight decay [as the model was trained]");
    app.add_flag("--recompute", options.recompute, "Less memory, more time, same results");
    app.add_option("--checkpoint-every", options.checkpoint_every, "Checkpoints every so many steps, besides one a chunk");
    app.add_option("--stop-after", options.stop_after, "Save and stop after this many steps of this start");
    app.add_option("--device", options.device, "Where to compute")->check(CLI::IsMember({"cpu"}))->capture_default_str();
    std::signal(SIGINT, request_stop);
    std::signal(SIGTERM, request_stop);
    try {
        app.parse(argc, argv);
        return run(options);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
    } catch (const std::exception& error) {
        std::cerr << "pretrain: " << error.what() << "\n";
        return 1;
    }
}
