// memorize: checkpoints x chunks -> how much of its data a model can recite.

#include "memorize_options.hpp"
#include "memorize_table.hpp"
#include "progress.hpp"
#include "run_data.hpp"
#include "skipped.hpp"

#include <lapidary/analysis/exposure.hpp>
#include <lapidary/analysis/memorization.hpp>
#include <lapidary/analysis/memorization_grid.hpp>
#include <lapidary/analysis/memorization_json.hpp>
#include <lapidary/analysis/memorization_tensors.hpp>
#include <lapidary/checkpoint/model_weights.hpp>
#include <lapidary/lapidary.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

// The data, and the run that says when they were seen, if there is one.
struct Measured {
    std::optional<RunRecord> run;
    TokenChunks chunks;
    MemorizationSample sample;

    explicit Measured(const MemorizeOptions& options)
        : run(fs::exists(options.run / "manifest.json") ? std::optional(read_run(options.run)) : std::nullopt),
          chunks(
              run_data(options.run, options.data, run),
              {.batch_size = run ? run->batch : 1, .seed = run ? run->seed : 0, .verify = !options.skip_hashes}),
          sample(draw_memorization_sample(chunks, options.chosen_chunks(chunks.chunk_count()), options.sample)) {}
};

// Where a checkpoint's own words are those of the data.
template <Device D>
std::vector<std::uint8_t> measure(D& device, const MemorizeOptions& options, const Measured& measured,
                                  const fs::path& directory, const std::function<void(Index)>& progress) {
    std::vector<std::uint8_t> result;
    visit_config(directory, [&](const auto& config) {
        const typename std::decay_t<decltype(config)>::Model model(config);
        if (model.vocabulary() < measured.chunks.vocabulary()) {
            throw Error(ErrorCode::value, "memorize",
                        directory.string() + ": the model has " + std::to_string(model.vocabulary()) +
                            " ids, the data " + std::to_string(measured.chunks.vocabulary()));
        }
        const auto weights = model_weights(device, model, directory);
        const auto written = write_greedily(device, model, weights.view(), measured.sample,
                                            {.batch = options.batch, .progress = progress});
        result = matches(measured.sample, written, options.stop_at_eos ? measured.chunks.eos_id() : -1);
    });
    return result;
}

template <Device D>
Json measure_run(D& device, const MemorizeOptions& options, const Measured& measured, MemorizationGrid& grid) {
    const std::vector<ListedCheckpoint> checkpoints = options.chosen_checkpoints();
    Json skipped = Json::array();
    Progress bar("memorize", std::ssize(checkpoints) * measured.sample.size());
    Index done = 0;
    for (const ListedCheckpoint& checkpoint : checkpoints) {
        std::string problem = checkpoint.problem;
        const std::string name = checkpoint.directory.filename().string();
        try {
            if (problem.empty()) {
                auto right = measure(device, options, measured, checkpoint.directory,
                                     [&](Index sequences) { bar.update(done + sequences, name); });
                grid.add(name, checkpoint_step(checkpoint.directory), std::move(right));
            }
        } catch (const Error& error) {  // a damaged one is not the end of the others
            if (!spoils_one_checkpoint(error.code())) throw;
            problem = error.what();
        }
        if (!problem.empty())
            skipped.push_back({{"directory", checkpoint.directory.string()}, {"reason", problem}});
        bar.update(done += measured.sample.size(), name);
    }
    bar.finish();
    warn_of_skipped("memorize", skipped);
    if (grid.checkpoints().empty()) {
        throw Error(ErrorCode::io, "memorize",
                    (options.run / "checkpoints").string() + ": holds no checkpoint that can be read");
    }
    return skipped;
}

// Adds to the sequences that are named the documents they are from, and their texts where there is a tokenizer.
void name_documents(const Measured& measured, Json& list) {
    const TokenChunks& chunks = measured.chunks;
    std::optional<DocumentReport> documents;
    if (fs::exists(chunks.directory() / documents_file)) documents.emplace(chunks, false);
    std::optional<AnyTokenizer> tokenizer;
    try {
        tokenizer.emplace(open_tokenizer(chunks.directory()));
    } catch (const Error& error) {
        std::fprintf(stderr, "memorize: texts are left out: %s\n", error.what());
    }
    for (Json& one : list) {
        const auto i = one["sequence"].get<Index>();
        one["documents"] =
            documents ? (*documents)(one["chunk"], one["row"], 0, measured.sample.length()) : Json();
        if (!tokenizer) continue;
        TextStream<AnyTokenizer> stream(*tokenizer);
        std::string prefix, continuation;
        for (const TokenId id : measured.sample.prompt(i)) prefix += stream.add(id);
        for (const TokenId id : measured.sample.truth(i)) continuation += stream.add(id);
        one["prefix_text"] = prefix;
        one["continuation_text"] = continuation + stream.finish();
    }
}

template <Device D>
void run(D& device, const MemorizeOptions& options) {
    const auto refuse = [](const char* reason) { throw Error(ErrorCode::value, "memorize", reason); };
    if (options.model.empty() == options.run.empty()) refuse("give either --model or --run");
    if (options.run.empty() && options.data.empty()) refuse("--model needs --data, the chunks to measure on");
    if (!options.run.empty() && !fs::is_directory(options.run)) refuse("there is no such directory --run");
    const Measured measured(options);
    MemorizationGrid grid(measured.sample);
    Json skipped = Json::array();
    const Progress clock("", 0);
    if (options.run.empty()) {
        Progress bar("memorize", measured.sample.size());
        grid.add(options.model.filename().string(), std::nullopt,
                 measure(device, options, measured, options.model, [&](Index done) { bar.update(done); }));
    } else {
        skipped = measure_run(device, options, measured, grid);
    }
    const double seconds = clock.elapsed();
    const Exposure exposure(grid, measured.chunks, measured.run);
    Json report = memorization_json(grid, measured.chunks, exposure, options.show);
    report["sequences"] = options.sample.sequences;
    report["seed"] = options.sample.seed;
    report["stop_at_eos"] = options.stop_at_eos;
    report["device"] = options.where.device;
    name_documents(measured, report["memorized"]);
    report["skipped"] = std::move(skipped);
    print_memorization(report, 3);
    const auto written = static_cast<double>(std::ssize(grid.checkpoints()) * measured.sample.size());
    std::fprintf(stderr, "%.1f s, %.0f sequences/s on %s\n", seconds, written / seconds,
                 device_name(device).c_str());
    fs::path out = options.out;
    if (out.empty() && !options.run.empty()) out = options.run / "analysis" / "memorization.json";
    if (out.empty()) return;
    if (out.has_parent_path()) fs::create_directories(out.parent_path());
    write_memorization_tensors(fs::path(out).replace_extension(".safetensors"), grid, exposure);
    write_json(out, report);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Measures how much of its training data a model can recite: memorization, checkpoint by chunk."};
    MemorizeOptions options;
    options.add_to(app);
    try {
        app.parse(argc, argv);
        options.where.visit([&](auto& device) { run(device, options); });
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
    } catch (const std::exception& error) {
        std::cerr << "memorize: " << error.what() << "\n";
        return 1;
    }
}
