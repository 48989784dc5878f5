// Loading a batch: AMBER-like windows of 512 + 1 and 2048 + 1 tokens out of memory-mapped chunks, in shuffled
// order.

#include "support.hpp"

#include <lapidary/data/input_files.hpp>
#include <lapidary/data/preparation.hpp>
#include <lapidary/data/token_chunks.hpp>

#include <unistd.h>

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace lapidary;

namespace {

/// Three bytes are a token: any tokenizer does here.
struct Trigrams {
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        std::vector<TokenId> ids;
        for (std::size_t i = 0; i + 2 < text.size(); i += 3) {
            const auto byte = [&](std::size_t at) {
                return static_cast<TokenId>(static_cast<unsigned char>(text[at]));
            };
            ids.push_back((byte(i) * 131 + byte(i + 1) * 31 + byte(i + 2)) % 31000 + 3);
        }
        return ids;
    }
    [[nodiscard]] std::string decode(std::span<const TokenId> /*ids*/) const { return {}; }
    [[nodiscard]] Index vocabulary_size() const { return 32000; }
    [[nodiscard]] TokenId bos_id() const { return 1; }
    [[nodiscard]] TokenId eos_id() const { return 2; }
    [[nodiscard]] TokenId unknown_id() const { return 0; }
};

class Prepared {
public:
    explicit Prepared(Index context)
        : folder_(std::filesystem::temp_directory_path() /
                  ("lapidary_bench_" + std::to_string(::getpid()) + "_" + std::to_string(context))) {
        Recipe recipe{.name = "bench", .context = context, .stride = context + 1};
        recipe.sources.push_back({.name = "c4", .files = {LAPIDARY_BENCH_CORPUS "/c4.jsonl"}, .epochs = 16});
        const Trigrams tokenizer;
        Preparation<Trigrams>(folder_, recipe, find_inputs(recipe).files, tokenizer, {}).run();
    }
    ~Prepared() { std::filesystem::remove_all(folder_); }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

private:
    std::filesystem::path folder_;
};

void add(Index context, Index batch) {
    bench::add("batch/context:" + std::to_string(context) + "/windows:" + std::to_string(batch),
               [=](benchmark::State& state) {
                   const Prepared data(context);
                   const TokenChunks chunks(data.folder(), {.batch_size = batch});
                   Index step = 0;
                   for (auto _ : state) benchmark::DoNotOptimize(chunks.batch(step++));
                   state.SetItemsProcessed(state.iterations() * batch * context);
               })
        ->Unit(benchmark::kMicrosecond);
}

}  // namespace

int main(int argc, char** argv) {
    add(512, 8);
    add(2048, 8);
    return bench::run(argc, argv);
}
