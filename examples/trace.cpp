// trace: a step of a run -> the documents that it trained on; a text -> where and when it was trained on.

#include "checks.hpp"
#include "progress.hpp"
#include "run_data.hpp"
#include "trace_report.hpp"

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/data/text_search.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/token_index.hpp>
#include <lapidary/data/token_index_builder.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/text/open_tokenizer.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Options {
    fs::path run, data, json;
    Index step = -1, limit = 10;
    std::string text;
    bool documents = false, index = false, decode_all = false, skip_hashes = false;
};

// The run that was asked about; without one, data that no steps are known of.
struct Traced {
    std::optional<RunRecord> run;
    std::vector<CheckpointRecord> checkpoints;
    TokenChunks chunks;
    std::optional<DocumentReport> documents;

    explicit Traced(const Options& options)
        : run(options.run.empty() ? std::nullopt : std::optional(read_run(options.run))),
          checkpoints(run ? checkpoints_of(options.run) : std::vector<CheckpointRecord>{}),
          chunks(
              run_data(options.run, options.data, run),
              {.batch_size = run ? run->batch : 1, .seed = run ? run->seed : 0, .verify = !options.skip_hashes}) {
        if (run || options.documents) documents.emplace(chunks, options.documents);
    }
};

// The name of the first checkpoint that saw a step.
std::optional<std::string> first_checkpoint(const Traced& traced, Index step) {
    const CheckpointRecord* seen = first_that_saw(traced.checkpoints, step);
    return seen == nullptr ? std::nullopt : std::optional(seen->directory.filename().string());
}

Json trace_step(const Options& options, Traced& traced) {
    if (options.step < 0 || options.step >= traced.run->steps) {
        throw Error(ErrorCode::value, "step",
                    "there is no step " + std::to_string(options.step) + ": the run " + options.run.string() +
                        " has steps 0 to " + std::to_string(traced.run->steps - 1));
    }
    const Decisions& decisions = traced.run->decisions;
    const Batch batch = traced.chunks.batch(decisions.batch_of(options.step));
    const WindowFile& chunk = traced.chunks.chunk(batch.chunk);
    const auto checkpoint = first_checkpoint(traced, options.step);
    Json result{{"step", options.step},
                {"chunk", batch.chunk},
                {"pass", batch.epoch},
                {"first_checkpoint", checkpoint ? Json(*checkpoint) : Json(nullptr)},
                {"windows", Json::array()}};
    std::printf("step %ld: chunk %ld, pass %ld over the chunks, first in %s\n", options.step, batch.chunk,
                batch.epoch, checkpoint.value_or("no checkpoint yet").c_str());
    if (const Decision* skip = decisions.skip_of(options.step)) {
        std::printf("  it was left out: %s\n", skip->reason.c_str());
        result["left_out"] = skip->reason;
    }
    for (const Index row : batch.rows) {
        const WindowOrigin origin = chunk.origin(row);
        const std::string& source = traced.chunks.sources().at(static_cast<std::size_t>(origin.source));
        Json documents = (*traced.documents)(batch.chunk, row, 0, chunk.context() + 1);
        std::printf("  chunk %ld row %ld: source %s, epoch %d\n", batch.chunk, row, source.c_str(), origin.epoch);
        print_documents(documents);
        result["windows"].push_back({{"source", source},
                                     {"epoch", origin.epoch},
                                     {"chunk", batch.chunk},
                                     {"row", row},
                                     {"documents", std::move(documents)}});
    }
    return result;
}

// The steps that saw a window, and the first checkpoint after one.
void add_steps(const Options& options, Traced& traced, const TextMatch& match, Json& result) {
    const auto steps =
        steps_that_saw(*traced.run, traced.chunks, match.chunk, match.row, traced.run->steps, options.limit);
    const auto checkpoint = steps.empty() ? std::nullopt : first_checkpoint(traced, steps.front());
    std::string list;
    for (const Index step : steps) list += (list.empty() ? "step " : ", ") + std::to_string(step);
    if (std::ssize(steps) == options.limit) list += " and maybe later ones";
    if (steps.empty()) {
        std::printf("    in none of the run's %ld steps\n", traced.run->steps);
    } else {
        std::printf("    %s; first in %s\n", list.c_str(), checkpoint.value_or("no checkpoint yet").c_str());
    }
    result["steps"] = steps;
    result["first_checkpoint"] = checkpoint ? Json(*checkpoint) : Json(nullptr);
}

Json trace_text(const Options& options, Traced& traced) {
    const TokenChunks& chunks = traced.chunks;
    const AnyTokenizer tokenizer = open_tokenizer(chunks.directory());
    const Index windows = chunks.chunk_count() * chunks.windows_per_chunk();
    std::optional<TokenIndex> index;
    if (fs::exists(chunks.directory() / token_index_file)) index.emplace(chunks);
    // One more than is shown, to know whether there are more.
    std::vector<TextMatch> matches = find_text(tokenizer, chunks, index ? &*index : nullptr, options.text,
                                               options.limit + 1, options.decode_all);
    const bool more = std::ssize(matches) > options.limit;
    if (more) matches.pop_back();
    Json result{
        {"text", options.text}, {"windows_searched", windows}, {"more", more}, {"occurrences", Json::array()}};
    if (matches.empty()) std::printf("the text is in none of the %ld windows\n", windows);
    for (const TextMatch& match : matches) {
        Json one{{"chunk", match.chunk}, {"row", match.row}, {"columns", {match.from, match.to}}};
        std::printf("  chunk %ld row %ld, columns %ld-%ld\n", match.chunk, match.row, match.from, match.to);
        if (traced.run) add_steps(options, traced, match, one);
        if (traced.documents) {
            one["documents"] = (*traced.documents)(match.chunk, match.row, match.from, match.to, options.text);
            print_documents(one["documents"]);
        }
        result["occurrences"].push_back(std::move(one));
    }
    if (more) std::printf("and more: --limit says how many to show\n");
    return result;
}

void run(const Options& options, bool has_text) {
    const auto refuse = [](const char* reason) { throw Error(ErrorCode::value, "options", reason); };
    if (options.run.empty() && options.data.empty()) refuse("--run or --data must say where the data are");
    if (!has_text && options.step < 0 && !options.index) refuse("--step or --text must say what to trace");
    if (options.run.empty() && options.step >= 0) refuse("--step needs a --run");
    if (has_text && options.text.empty()) refuse("the --text is empty");
    Traced traced(options);
    if (options.index) {
        Progress bar("index", traced.chunks.chunk_count() * traced.chunks.windows_per_chunk());
        build_token_index(traced.chunks, {.progress = [&](Index done) { bar.update(done); }});
    }
    Json result;
    if (has_text) result = trace_text(options, traced);
    if (options.step >= 0) result = trace_step(options, traced);
    if (!options.json.empty()) write_json(options.json, result);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Traces what a run was trained on: a step to its documents, a text to the steps that saw it."};
    Options options;
    app.add_option("--run", options.run, "Directory of the run");
    app.add_option("--data", options.data, "Prepared chunks [RUN/data]; without a run, only places are known");
    auto* step = app.add_option("--step", options.step, "Show every window of this step, counted from 0")
                     ->check(number_in(0));
    auto* text =
        app.add_option("--text", options.text, "Show where the windows hold this text, exactly")->excludes(step);
    app.add_flag("--documents", options.documents,
                 "Read the documents back from their files and show some of each");
    app.add_option("--limit", options.limit, "Occurrences of a text to show")
        ->capture_default_str()
        ->check(number_in(1, 1e9));
    app.add_option("--json", options.json, "File to write the results to");
    app.add_flag("--index", options.index,
                 "Build the index of the data first, for texts of a dozen tokens or more");
    app.add_flag("--decode-all", options.decode_all,
                 "Search by decoding every window: complete for any tokenizer, slow");
    app.add_flag("--skip-hashes", options.skip_hashes,
                 "Do not compare the data with their hashes, which reads all");
    try {
        app.parse(argc, argv);
        run(options, text->count() > 0);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
    } catch (const std::exception& error) {
        std::cerr << "trace: " << error.what() << "\n";
        return 1;
    }
}
