// Text to token ids, document by document: a SentencePiece model trained on them, small tokenizer.json files in
// the forms of known ones, and those that LAPIDARY_TOKENIZERS names (paths, with ":" between). LAPIDARY_TEXT names
// another JSON Lines file than the bundled one.

#include "support.hpp"

#include <lapidary/io/json.hpp>
#include <lapidary/text/open_tokenizer.hpp>
#include <lapidary/text/train_sentencepiece.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
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
        const char* const file = std::getenv("LAPIDARY_TEXT");
        std::ifstream lines(file != nullptr ? file : LAPIDARY_BENCH_CORPUS "/c4.jsonl");
        for (std::string line; std::getline(lines, line);) {
            documents.push_back(Json::parse(line).at("text").get<std::string>());
            bytes += static_cast<std::int64_t>(documents.back().size());
        }
        train_sentencepiece(documents, model, {.vocabulary_size = 2048, .byte_limit = std::size_t{1} << 20});
    }
    ~Corpus() { std::filesystem::remove(model); }
};

// Documents are independent: one thread, and all of them. And the ids back to text.
void add_tokenizer(const std::string& name, const AnyTokenizer& tokenizer, const Corpus& corpus) {
    bench::add(name + "/encode/one_thread", [&corpus, tokenizer](benchmark::State& state) {
        for (auto _ : state) {
            for (const std::string& document : corpus.documents)
                benchmark::DoNotOptimize(tokenizer.encode(document));
        }
        state.SetBytesProcessed(state.iterations() * corpus.bytes);
    })->Unit(benchmark::kMillisecond);
    bench::add(name + "/encode/all_threads", [&corpus, tokenizer](benchmark::State& state) {
        for (auto _ : state) {
            device().run(static_cast<Index>(corpus.documents.size()), [&](Index i, Arena&) {
                benchmark::DoNotOptimize(tokenizer.encode(corpus.documents[static_cast<std::size_t>(i)]));
            });
        }
        state.SetBytesProcessed(state.iterations() * corpus.bytes);
    })->Unit(benchmark::kMillisecond);
    bench::add(name + "/stream/one_thread", [&corpus, tokenizer](benchmark::State& state) {
        std::vector<std::vector<TokenId>> ids;
        for (const std::string& document : corpus.documents) ids.push_back(tokenizer.encode(document));
        for (auto _ : state) {
            for (const std::vector<TokenId>& row : ids) {
                TextStream stream(tokenizer);
                for (TokenId id : row) benchmark::DoNotOptimize(stream.add(id));
                benchmark::DoNotOptimize(stream.finish());
            }
        }
        state.SetBytesProcessed(state.iterations() * corpus.bytes);
    })->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
    const Corpus corpus;
    add_tokenizer("sentencepiece", open_tokenizer(corpus.model), corpus);
#ifdef LAPIDARY_TOKENIZERS
    for (const std::string name : {"gpt2", "neox", "falcon", "llama"}) {
        add_tokenizer(name, open_tokenizer(std::filesystem::path(LAPIDARY_BENCH_TOKENIZERS) / (name + ".json")),
                      corpus);
    }
    const char* const named = std::getenv("LAPIDARY_TOKENIZERS");
    std::istringstream paths(named != nullptr ? named : "");
    for (std::string path; std::getline(paths, path, ':');) add_tokenizer(path, open_tokenizer(path), corpus);
#endif
    return bench::run(argc, argv);
}
