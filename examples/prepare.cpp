// prepare: raw documents -> shuffled-on-read chunks of token windows, each traceable to its document.

#include "progress.hpp"

#include <lapidary/data/chunk_writer.hpp>
#include <lapidary/data/compressed_line_reader.hpp>
#include <lapidary/data/input_files.hpp>
#include <lapidary/data/token_chunks.hpp>
#include <lapidary/data/windows.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/text/open_tokenizer.hpp>
#include <lapidary/text/train_sentencepiece.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Options {
    std::string recipe = "amber";
    fs::path tokenizer;
    std::vector<std::string> input;
    fs::path out;
    Index chunks = 360;
    Index context = 2048;
    std::uint64_t seed = 11111;
    double validation = 0.01;
    Index train_tokenizer = 0;
    std::string text_field = "text";
    bool skip_bad = false;
};

DocumentOptions reading(const Options& options) {
    return {.text_field = options.text_field, .skip_bad = options.skip_bad, .open = open_compressed};
}

std::string megabytes(double bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f MB", bytes / 1e6);
    return text;
}

// Trains on the first documents of every file, in proportion to the files' sizes.
void train_tokenizer(const InputFiles& corpus, const Options& options) {
    const SentencePieceTraining training{.vocabulary_size = options.train_tokenizer};
    const double share =
        static_cast<double>(training.byte_limit) / static_cast<double>(std::max<Index>(corpus.bytes, 1));
    std::size_t file = 0;
    std::optional<DocumentReader> reader;
    double budget = 0.0;
    Document document;
    const auto next = [&](std::string& text) {
        for (; file < corpus.files.size(); ++file, reader.reset()) {
            if (!reader) {
                reader.emplace(std::vector{corpus.files[file]}, reading(options));
                budget = share * static_cast<double>(fs::file_size(corpus.files[file].path));
            }
            if (budget <= 0.0 || !reader->next(document)) continue;
            budget -= static_cast<double>(document.text.size());
            text.swap(document.text);
            return true;
        }
        return false;
    };
    std::cerr << "training a tokenizer of " << options.train_tokenizer << " pieces\n";
    train_sentencepiece(next, options.tokenizer, training);
}

Json inputs(const InputFiles& corpus) {
    Json list = Json::array();
    Progress bar("hash", corpus.bytes);
    Index done = 0;
    for (const InputFile& file : corpus.files) {
        const auto size = static_cast<Index>(fs::file_size(file.path));
        list.push_back({{"file", file.path.string()},
                        {"source", corpus.sources[static_cast<std::size_t>(file.source)]},
                        {"bytes", size},
                        {"sha256", sha256_file(file.path)}});
        bar.update(done += size);
    }
    return list;
}

void print(const ChunkCounts& counts, const SkippedDocuments& skipped, const Options& options, double seconds) {
    std::printf("%-20s %10s %12s %9s %9s %9s\n", "source", "documents", "tokens", "training", "held out",
                "dropped");
    std::vector<SourceCounts> rows = counts.sources;
    rows.push_back(counts.total);
    for (const SourceCounts& row : rows) {
        std::printf("%-20s %10ld %12ld %9ld %9ld %9ld\n", row.name.c_str(), row.documents, row.tokens,
                    row.training, row.validation, row.dropped_windows);
    }
    if (skipped.total() > 0) std::printf("left out %ld bad documents\n", skipped.total());
    std::printf("%s: %ld chunks of %ld windows of %ld tokens, in %.1f s\n", options.out.c_str(), options.chunks,
                counts.windows_per_chunk, options.context + 1, seconds);
}

void run(const Options& options) {
    const InputFiles corpus = find_inputs(options.input);
    if (options.train_tokenizer > 0 && !fs::exists(options.tokenizer)) train_tokenizer(corpus, options);
    const AnyTokenizer tokenizer = open_tokenizer(options.tokenizer);
    ChunkWriter writer(options.out, {.chunks = options.chunks,
                                     .context = options.context,
                                     .vocabulary = tokenizer.vocabulary_size(),
                                     .eos = tokenizer.eos_id(),
                                     .sources = corpus.sources,
                                     .validation = options.validation,
                                     .seed = options.seed});
    writer.add_file(options.tokenizer, tokenizer_file_name(options.tokenizer));
    const fs::path config =
        options.tokenizer.parent_path() / "tokenizer_config.json";  // says what ends a document
    if (options.tokenizer.extension() == ".json" && fs::exists(config)) writer.add_file(config, config.filename());

    Progress bar("prepare", corpus.bytes);
    DocumentReader reader(corpus.files, reading(options));
    const auto trace = ranges::views::transform([&](TokenizedDocument document) {
        writer.add_document(document);
        const auto done = static_cast<double>(reader.consumed());
        bar.update(static_cast<Index>(done), megabytes(done / std::max(bar.elapsed(), 1e-3)) + "/s");
        return document;
    });
    for (Window window : documents(reader) | tokenize(tokenizer) | trace | pack(options.context)) {
        writer.add(std::move(window));
    }
    bar.finish();

    const SkippedDocuments& skipped = reader.skipped();
    const Json provenance{{"recipe", options.recipe},
                          {"text_field", options.text_field},
                          {"skipped",
                           {{"malformed", skipped.malformed},
                            {"no_text", skipped.no_text},
                            {"bad_utf8", skipped.bad_utf8},
                            {"empty", skipped.empty},
                            {"too_long", skipped.too_long}}},
                          {"inputs", inputs(corpus)}};
    print(writer.finish(provenance), skipped, options, bar.elapsed());
    const TokenChunks chunks(options.out, {.batch_size = 1, .verify = false});
    std::printf("a model that knows token frequencies only has a loss of %.4f nats (held out: %.4f)\n",
                chunks.unigram_entropy(), chunks.unigram_cross_entropy());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Turns raw documents into chunks of token windows, ready to train on."};
    Options options;
    app.add_option("--recipe", options.recipe, "How documents become windows")->check(CLI::IsMember({"amber"}));
    app.add_option("--tokenizer", options.tokenizer, "SentencePiece model (.model) or tokenizer.json")->required();
    app.add_option("--input", options.input, "Files or patterns: .jsonl or .txt, also .gz and .zst")->required();
    app.add_option("--out", options.out, "Directory to create")->required();
    app.add_option("--chunks", options.chunks, "Number of chunks")->capture_default_str();
    app.add_option("--context", options.context, "Tokens a model sees; a window has one more")
        ->capture_default_str();
    app.add_option("--seed", options.seed, "Seed of the held-out draw")->capture_default_str();
    app.add_option("--validation", options.validation, "Share of windows held out")->capture_default_str();
    app.add_option("--train-tokenizer", options.train_tokenizer,
                   "Train a tokenizer of this many pieces first, if the --tokenizer file does not exist");
    app.add_option("--text-field", options.text_field, "Field of a JSON line that holds the text")
        ->capture_default_str();
    app.add_flag("--skip-bad", options.skip_bad, "Leave bad documents out and count them");
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
