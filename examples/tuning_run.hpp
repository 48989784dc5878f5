#pragma once

#include "fitting_tokenizer.hpp"
#include "progress.hpp"
#include "tuning.hpp"
#ifdef LAPIDARY_CUDA
#include "gpu_memory.hpp"
#endif
#ifdef LAPIDARY_COMPRESSION
#include <lapidary/data/decoded.hpp>
#endif

#include <lapidary/counting.hpp>
#include <lapidary/data/epoch_order.hpp>
#include <lapidary/data/tuning_examples.hpp>
#include <lapidary/data/tuning_files.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/text/chat_templates.hpp>
#include <lapidary/train/plan.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// What `finetune` and `align` have in common, from the command line to the loop.

/// How files are read: by policy, with a bar.
inline lapidary::TuningReadOptions tuning_reading(const TuningOptions& options, Progress& bar) {
    lapidary::TuningReadOptions reading;
    reading.on_bad = options.skip_bad ? lapidary::BadDocuments::skip : lapidary::BadDocuments::fail;
#ifdef LAPIDARY_COMPRESSION
    reading.decoding = lapidary::decoded;
#endif
    reading.progress = bar.follower();
    return reading;
}

/// The recipe's template with a tokenizer. Where it has marks in front of an answer, the end of a long prompt is
/// kept: there they are.
inline lapidary::ChatEncoder tuning_encoder(lapidary::TuningRecipe& recipe, lapidary::AnyTokenizer tokenizer) {
    lapidary::ChatEncoder encoder(lapidary::find_chat_template(recipe.form), std::move(tokenizer));
    if (recipe.reply) recipe.reply->keep_prompt_start = encoder.form().assistant.before.empty();
    return encoder;
}

/// How records become examples: on as many threads as were asked for, or all cores; with a bar.
inline lapidary::TuningExampleRule tuning_rule(const lapidary::TuningRecipe& recipe, const TuningOptions& options,
                                               Progress& bar) {
    lapidary::TuningExampleRule rule{.split = recipe.split, .reply = recipe.reply};
    rule.on_ambiguous = options.skip_bad ? lapidary::BadDocuments::skip : lapidary::BadDocuments::fail;
    rule.workers = options.where.threads > 0 ? options.where.threads
                                             : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    rule.progress = bar.follower();
    return rule;
}

/// Says what was left out, if anything was.
inline void print_left_out(const lapidary::Json& faults) {
    std::string text;
    for (const auto& [name, count] : faults.items()) {
        if (count.is_number_integer() && count != 0) text += ", " + count.dump() + " " + name;
    }
    if (!text.empty()) std::printf("left out: %s\n", text.substr(2).c_str());
}

/// What stands behind examples that are shorter than a window: as FastChat has it, the unknown token.
inline lapidary::TokenId padding_id(const lapidary::AnyTokenizer& tokenizer) {
    return tokenizer.unknown_id() >= 0 ? tokenizer.unknown_id() : 0;
}

/// Which of `count` items a step trains on. Throws Error(value) if all of them are to be held out.
inline lapidary::EpochOrder tuning_order(const std::string& program, const std::string& items,
                                         const TuningOptions& options, const lapidary::TuningRecipe& recipe,
                                         lapidary::Index count) {
    if (count == 0) {
        throw lapidary::Error(lapidary::ErrorCode::value, program,
                              options.data[0] + (options.data.size() > 1 ? " and the others" : "") +
                                  ": there is nothing to train on in " + std::to_string(recipe.context) +
                                  " tokens with the template '" + recipe.form + "'");
    }
    if (count <= options.held_out) {
        throw lapidary::Error(lapidary::ErrorCode::value, program,
                              "the data are " + std::to_string(count) + " " + items + ", of which " +
                                  std::to_string(options.held_out) + " are to be held out");
    }
    return {count, {.batch = recipe.batch, .held_out = options.held_out, .seed = options.seed}};
}

/// What decides the run's bits. `inputs`: what the files were; `made`: what became of them.
inline TuningRun tuning_run(const std::string& program, const std::string& items, const TuningOptions& options,
                            const TuningModel& model, const lapidary::TuningRecipe& recipe,
                            const std::vector<lapidary::TuningInput>& inputs, const lapidary::Json& made,
                            const lapidary::EpochOrder& order) {
    using namespace lapidary;
    if (recipe.batch > order.size()) {
        throw Error(ErrorCode::value, program,
                    "a step takes " + std::to_string(recipe.batch) + " " + items + ", but there are " +
                        std::to_string(order.size()) + " to train on: give a smaller --batch");
    }
    TuningRun run;
    run.program = program;
    run.items = items;
    ParameterRules rules = model.rules;
    if (recipe.scaled_biases) rules.bias_rate = rules.matrix_rate;
    run.optimizer = recipe.optimizer.with_rules(rules);
    run.rate = recipe.rate(order.steps(recipe.epochs));
    run.rate.check();
    run.clip = recipe.clip;
    run.form = recipe.form;
    run.parameters = model.parameters;
    run.items_a_step = recipe.batch;
    run.sequences_an_item = recipe.preference ? 2 : 1;
    run.held_out = std::ssize(order.held_out());
    const Index lane = std::max<Index>(1, recipe.batch / options.lanes);
    run.micro_batch = run.sequences_an_item * std::min(std::max<Index>(1, options.micro_batch), lane);
    for (const char* name : {"tokenizer.model", "tokenizer.json"}) {
        if (run.tokenizer.empty() && fs::exists(options.model / name)) run.tokenizer = options.model / name;
    }
    Json tokenizer = Json::object();
    const auto record = [&](const fs::path& file) {
        if (fs::exists(file)) tokenizer[file.filename().string()] = sha256_file(file);
    };
    record(run.tokenizer);
    for (const char* name : tokenizer_side_files) record(options.model / name);
    Json hashes = Json::array();
    for (const TuningInput& input : inputs) {
        run.data.push_back(input.json());
        hashes.push_back(input.sha256);
    }
    run.definition = {{"task", program},
                      {"recipe", recipe.name},
                      {"model", model.family},
                      {"config", model.config},
                      {"init", weights_hash(options.model)},
                      {"data", hashes},
                      {"examples", made},
                      {"tokenizer", tokenizer},
                      {"template", recipe.form},
                      {"context", recipe.context},
                      {"seed", options.seed},
                      {"batch", recipe.batch},
                      {"lanes", options.lanes},
                      {"steps", run.rate.steps},
                      {"held-out", options.held_out},
                      {"rate", to_json(run.rate)},
                      {"optimizer", run.optimizer.json()},
                      {"clip", recipe.clip}};
    if (recipe.preference) {
        run.definition["loss"] = {{"name", name_of(recipe.preference->kind)},
                                  {"beta", recipe.preference->beta},
                                  {"label_smoothing", recipe.preference->label_smoothing}};
    } else {
        run.definition["mean"] = name_of(recipe.mean);
    }
    if (options.lora.rank > 0) {
        run.definition["lora"] = {
            {"rank", options.lora.rank}, {"alpha", options.lora.alpha}, {"targets", options.lora.targets}};
    }
    if (options.where.on_gpu()) {
        run.definition["cuda"] = {{"precision", options.where.precision},
                                  {"micro-batch", run.micro_batch},
                                  {"cudnn", options.where.cudnn}};
    }
    return run;
}

#ifdef LAPIDARY_CUDA
/// Calls `work(device)` with the GPU that a rank computes on, and as much scratch memory as a step needs.
template <class T, class Work>
int tune_on_gpu(DeviceChoice where, const TuningOptions& options, const TuningModel& model,
                const lapidary::TuningRecipe& recipe, const TuningRun& run, bool ranks, Work&& work) {
    using namespace lapidary;
    BasicCounting<T> counting(std::size_t{1} << 41);
    const Index sequences = run.micro_batch;
    GpuSpare spare;
    const std::size_t activations = with_model(
        counting, options, false, [&](const auto& tuned, const auto& reference, ConstView<T, 1>) -> std::size_t {
            spare = GpuSpare(where, sequences * recipe.context, recipe.context, reference.layout(), model.heads,
                             sizeof(T) < sizeof(float), ranks);
            if (recipe.preference) return plan_preferences(counting, tuned, sequences, recipe.context);
            return plan_step(counting, tuned, sequences, recipe.context).activations;
        });
    if (options.launch.gpu >= 0) where.index = options.launch.gpu;
    CudaOptions gpu = where.cuda();
    gpu.scratch_bytes = activations + static_cast<std::size_t>(spare.scratch);
    BasicCuda<T> device(gpu);
    return work(device);
}
#endif

/// Calls `tune(device, tuned, reference, base)` on one rank, where it computes; see `with_model`.
template <class Tune>
int tune_on_rank(const TuningOptions& options, lapidary::AnyCommunicator& world,
                 [[maybe_unused]] const TuningModel& model, const lapidary::TuningRecipe& recipe,
                 [[maybe_unused]] const TuningRun& run, Tune&& tune) {
    using namespace lapidary;
    const auto work = [&]<Device D>(D& device) {
        return with_model(device, options, recipe.preference.has_value(),
                          [&](const auto& tuned, const auto& reference, ConstView<Scalar<D>, 1> base) {
                              return tune(device, tuned, reference, base);
                          });
    };
#ifdef LAPIDARY_CUDA
    if (options.where.on_gpu()) {
        const bool ranks = world.size() > 1;
        return options.where.precision == "fp32"
                   ? tune_on_gpu<float>(options.where, options, model, recipe, run, ranks, work)
                   : tune_on_gpu<bf16>(options.where, options, model, recipe, run, ranks, work);
    }
#endif
    Cpu meeting({.threads = 1});
    const int threads = threads_per_rank(meeting, world);  // all ranks call it
    Cpu device({.threads = options.where.threads > 0 ? options.where.threads : threads});
    return work(device);
}

/// Calls `tune(device, world, tuned, reference, base)` on every rank, as `tune_on_rank` does; returns the exit
/// code of this process. `joined`: what `RankLaunch::join` returned.
template <class Tune>
int tune_on_ranks(const TuningOptions& options, std::optional<lapidary::AnyCommunicator>& joined,
                  const TuningModel& model, const lapidary::TuningRecipe& recipe, const TuningRun& run,
                  Tune&& tune) {
    if (!joined) {  // before there are so many threads
        (void)lapidary::LaneShare(options.lanes, run.items_a_step * run.sequences_an_item,
                                  std::max(1, options.launch.ranks), 0, false, run.program);
    }
    StopSignals::listen();
    int code = 0;
    options.launch.run(joined, [&](lapidary::AnyCommunicator& world) {
        const int own = tune_on_rank(options, world, model, recipe, run,
                                     [&](auto& device, const auto& tuned, const auto& reference, auto base) {
                                         return tune(device, world, tuned, reference, base);
                                     });
        if (world.rank() == 0 || options.launch.comm != "threads") code = own;
    });
    return code;
}

/// `main` of a program that tunes: `run()` returns the exit code.
template <class Options, class Run>
int tuning_main(int argc, char** argv, CLI::App& app, Options& options, const std::string& name, Run&& run) {
    try {
        app.parse(argc, argv);
        options.where.check();
        options.launch.check(options.where.on_gpu());
        if (options.lora.rank == 0 &&
            (options.merge || app.count("--lora-targets") + app.count("--lora-alpha") > 0)) {
            throw lapidary::Error(lapidary::ErrorCode::value, name,
                                  "--merge, --lora-alpha and --lora-targets are of adapters: give --lora-rank");
        }
        if (options.out.empty()) throw lapidary::Error(lapidary::ErrorCode::value, name, "--out is empty");
        if (options.evaluate_every > 0 && options.held_out == 0) {
            throw lapidary::Error(lapidary::ErrorCode::value, name, "--evaluate-every needs --hold-out");
        }
        return run();
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
    } catch (const std::exception& error) {
        std::cerr << name + ": " + error.what() + "\n";
        return 1;
    }
}
