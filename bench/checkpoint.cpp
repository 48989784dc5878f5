// Saving and restoring a checkpoint of size S in the temporary directory: weights, both moments, hashes, fsync.

#include "support.hpp"

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/models/amber.hpp>

#include <unistd.h>

#include <filesystem>

using namespace bench;
using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Run {
    Amber model{AmberConfig::bench_s()};
    TrainState<Cpu> state{device(), model.layout()};
    fs::path directory = fs::temp_directory_path() / ("lapidary_bench_" + std::to_string(::getpid()));

    Run() {
        fs::create_directory(directory);
        initialize(device(), model, state, {.seed = 1});
    }
    ~Run() { fs::remove_all(directory); }

    [[nodiscard]] fs::path checkpoint() const { return directory / "checkpoint"; }
    void save() const { save_checkpoint(device(), model, state, checkpoint()); }
    [[nodiscard]] std::int64_t bytes() const {
        std::int64_t total = 0;
        for (const auto& entry : fs::recursive_directory_iterator(directory)) {
            if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
        }
        return total;
    }
};

}  // namespace

int main(int argc, char** argv) {
    bench::add("save_checkpoint/S", [](benchmark::State& state) {
        Run run;
        for (auto _ : state) {
            state.PauseTiming();
            fs::remove_all(run.checkpoint());
            state.ResumeTiming();
            run.save();
        }
        state.SetBytesProcessed(state.iterations() * run.bytes());
    })->Unit(benchmark::kMillisecond);
    bench::add("read_checkpoint/S", [](benchmark::State& state) {
        Run run;
        run.save();
        for (auto _ : state) read_checkpoint(device(), run.model, run.state, run.checkpoint());
        state.SetBytesProcessed(state.iterations() * run.bytes());
    })->Unit(benchmark::kMillisecond);
    return bench::run(argc, argv);
}
