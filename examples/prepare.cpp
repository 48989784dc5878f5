// prepare: raw documents -> chunks of token windows in a mix, each traceable to its documents.

#include "progress.hpp"
#include "recipe_options.hpp"

#include <lapidary/data/decoded.hpp>
#include <lapidary/data/documents.hpp>
#include <lapidary/data/mix_plan.hpp>
#include <lapidary/data/preparation.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/token_index_builder.hpp>
#include <lapidary/text/open_tokenizer.hpp>
#include <lapidary/text/train_sentencepiece.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Options {
    RecipeOptions recipe;
    fs::path tokenizer;
    fs::path out;
    int workers = 0;
    double commit_seconds = PreparationOptions().commit_seconds;
    Index train_tokenizer = 0;
    bool plan = false;
    bool index = false;
};

// Trains on the first documents of every file, in proportion to the files' sizes.
void train_tokenizer(const Recipe& recipe, const InputFiles& corpus, Index pieces, const fs::path& tokenizer) {
    const SentencePieceTraining training{.vocabulary_size = pieces};
    const double share =
        static_cast<double>(training.byte_limit) / static_cast<double>(std::max<Index>(corpus.bytes, 1));
    std::size_t file = 0;
    std::optional<DocumentReader> reader;
    double budget = 0.0;
    Document document;
    const auto next = [&](std::string& text) {
        for (; file < corpus.files.size(); ++file, reader.reset()) {
            if (!reader) {
                reader.emplace(recipe, std::vector{corpus.files[file]}, decoded);
                budget = share * static_cast<double>(fs::file_size(corpus.files[file].path));
            }
            if (budget <= 0.0 || !reader->next(document)) continue;
            budget -= static_cast<double>(document.text.size());
            text.swap(document.text);
            return true;
        }
        return false;
    };
    std::cerr << "training a tokenizer of " << pieces << " pieces\n";
    train_sentencepiece(next, tokenizer, training);
}

// What goes into the prepared directory with the tokens.
std::vector<std::pair<fs::path, std::string>> tokenizer_files(const fs::path& tokenizer) {
    std::vector<std::pair<fs::path, std::string>> files{{tokenizer, tokenizer_file_name(tokenizer)}};
    const fs::path config = tokenizer.parent_path() / "tokenizer_config.json";  // says what ends a document
    if (tokenizer.extension() == ".json" && fs::exists(config)) files.emplace_back(config, config.filename());
    return files;
}

void print_plan(const Recipe& recipe) {
    const MixPlan plan = plan_mix(recipe);
    std::printf("%-20s %16s %12s\n", "source", "windows", "tokens, B");
    for (std::size_t s = 0; s < plan.sources.size(); ++s) {
        std::printf("%-20s %16ld %12.2f\n", plan.sources[s].c_str(), plan.samples[s],
                    static_cast<double>(plan.tokens(s)) / 1e9);
    }
    std::printf("%-20s %16ld %12.2f\n", "total", plan.total_samples(),
                static_cast<double>(plan.total_tokens()) / 1e9);
    std::printf("%ld chunks of %ld windows of %ld tokens\n", plan.chunks, plan.windows_per_chunk(),
                plan.context + 1);
    if (recipe.batch == 0) return;
    std::printf("%ld steps of %ld windows a chunk\n", plan.steps_per_chunk(recipe.batch), recipe.batch);
}

void print(const Json& manifest, const fs::path& out, double seconds) {
    std::printf("%-20s %10s %12s %9s %9s %9s %9s\n", "source", "documents", "tokens", "training", "held out",
                "unused", "left out");
    const auto row = [](const Json& source) {
        Index discarded = 0;
        for (const auto& [reason, count] : source.at("discarded").items()) discarded += count.get<Index>();
        const auto number = [&](const char* key) { return source.at(key).get<long>(); };
        std::printf("%-20s %10ld %12ld %9ld %9ld %9ld %9ld\n", source.at("name").get<std::string>().c_str(),
                    number("documents"), number("tokens"), number("training_windows"),
                    number("validation_windows"), number("unused_windows"), discarded);
    };
    for (const Json& source : manifest.at("sources")) {
        if (source.contains("documents")) row(source);
    }
    row(manifest.at("total"));
    std::printf("%s: %ld chunks of %ld windows of %ld tokens, in %.1f s\n", out.c_str(),
                manifest.at("chunks").get<long>(), manifest.at("windows_per_chunk").get<long>(),
                manifest.at("context").get<long>() + 1, seconds);
}

// A bar for each stage.
class Bars {
public:
    void update(std::string_view stage, Index done, Index total) {
        if (stage != stage_) {
            bar_.reset();
            bar_ = std::make_unique<Progress>(std::string(stage), total);
            stage_ = stage;
            first_ = done;
        }
        char note[64] = "";
        if (stage == "tokenize") {
            const double bytes = static_cast<double>(done - first_);
            std::snprintf(note, sizeof note, "%.1f MB/s", bytes / 1e6 / std::max(bar_->elapsed(), 1e-3));
        }
        bar_->update(done, note);
    }

private:
    std::string stage_;
    std::unique_ptr<Progress> bar_;
    Index first_ = 0;
};

void run(const Options& options) {
    const Recipe recipe = options.recipe.make();
    if (options.plan) return print_plan(recipe);
    fs::path tokenizer = options.tokenizer;
    if (tokenizer.empty() && !recipe.tokenizer.empty()) {
        tokenizer = fs::path(options.recipe.recipe).parent_path() / recipe.tokenizer;
    }
    if (tokenizer.empty() || options.out.empty()) {
        throw Error(ErrorCode::value, "prepare", "--tokenizer and --out are required");
    }
    const InputFiles corpus = find_inputs(recipe, options.recipe.root());
    for (const std::string& file : corpus.repeated) std::cerr << "left out: " << file << " was there already\n";
    if (options.train_tokenizer > 0 && !fs::exists(tokenizer)) {
        train_tokenizer(recipe, corpus, options.train_tokenizer, tokenizer);
    }

    const Progress watch("", 0);
    Bars bars;
    const int threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    Json manifest;
    {
        const AnyTokenizer ids = open_tokenizer(tokenizer);
        Preparation<AnyTokenizer> preparation(options.out, recipe, corpus.files, ids,
                                              {.workers = options.workers > 0 ? options.workers : threads,
                                               .decoding = decoded,
                                               .commit_seconds = options.commit_seconds,
                                               .tokenizer_files = tokenizer_files(tokenizer),
                                               .progress = [&](std::string_view stage, Index done, Index total) {
                                                   bars.update(stage, done, total);
                                               }});
        manifest = preparation.run();
    }
    bars = {};
    print(manifest, options.out, watch.elapsed());
    const TokenChunks chunks(options.out, {.batch_size = 1, .verify = false});
    if (options.index) {
        Progress bar("index", chunks.chunk_count() * chunks.windows_per_chunk());
        build_token_index(chunks, {.progress = [&](Index done) { bar.update(done); }});
    }
    std::printf("a model that knows token frequencies only has a loss of %.4f nats", chunks.unigram_entropy());
    if (chunks.validation_windows() > 0) std::printf(" (held out: %.4f)", chunks.unigram_cross_entropy());
    std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Turns raw documents into chunks of token windows, ready to train on. Stopped, it goes on when started "
        "again."};
    Options options;
    options.recipe.add_to(app);
    app.add_option("--tokenizer", options.tokenizer,
                   "SentencePiece model (.model) or tokenizer.json [the recipe's]");
    app.add_option("--out", options.out, "Directory to create");
    app.add_option("--workers", options.workers, "Threads; they change no byte [one a core]")
        ->check(CLI::Range(0, 1024));
    app.add_option("--commit-seconds", options.commit_seconds, "How much work a crash may cost")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    app.add_option("--train-tokenizer", options.train_tokenizer,
                   "Train a tokenizer of this many pieces first, if the --tokenizer file does not exist");
    app.add_flag("--index", options.index, "Build the index with which trace finds texts at once");
    app.add_flag("--plan", options.plan, "Print what a recipe of known size comes to, and stop");
    try {
        app.parse(argc, argv);
        run(options);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;  // --help is one of them
    } catch (const std::exception& error) {
        std::cerr << "prepare: " << error.what() << "\n";
        return 1;
    }
}
