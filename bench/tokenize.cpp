// Text to token ids: documents of the bundled corpus, a SentencePiece model trained on them.

#include "support.hpp"

#include <lapidary/io/json.hpp>
#include <lapidary/text/sentencepiece.hpp>
#include <lapidary/text/train_sentencepiece.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

using namespace bench;
using namespace lapidary;

namespace {

struct Corpus {
    std::vector<std::string> documents;
    std::int64_t bytes = 0;
    std::filesystem::path model =
        std::filesystem::temp_directory_path() / ("lapidary_bench_" + std::to_string(::getpid()) + ".model");

    Corpus() {
        std::ifstream lines(LAPIDARY_BENCH_CORPUS "/c4.jsonl");
        for (std::string line; std::getline(lines, line);) {
            documents.push_back(Json::parse(line).at("text").get<std::string>());
            bytes += static_cast<std::int64_t>(documents.back().size());
        }
        train_sentencepiece(documents, model, {.vocabulary_size = 2048});
    }
    ~Corpus() { std::filesystem::remove(model); }
};

}  // namespace

int main(int argc, char** argv) {
    const Corpus corpus;
    const SentencePiece tokenizer(corpus.model);
    // Documents are independent: one thread, and all of them.
    bench::add("encode/one_thread", [&](benchmark::State& state) {
        for (auto _ : state) {
            for (const std::string& document : corpus.documents)
                benchmark::DoNotOptimize(tokenizer.encode(document));
        }
        state.SetBytesProcessed(state.iterations() * corpus.bytes);
    })->Unit(benchmark::kMillisecond);
    bench::add("encode/all_threads", [&](benchmark::State& state) {
        for (auto _ : state) {
            device().run(static_cast<Index>(corpus.documents.size()), [&](Index i, Arena&) {
                benchmark::DoNotOptimize(tokenizer.encode(corpus.documents[static_cast<std::size_t>(i)]));
            });
        }
        state.SetBytesProcessed(state.iterations() * corpus.bytes);
    })->Unit(benchmark::kMillisecond);
    return bench::run(argc, argv);
}
