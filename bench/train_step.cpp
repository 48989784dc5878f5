// Whole training steps of AMBER at the benchmark sizes S and M: data checks, forward, backward, gradient norm,
// AdamW.

#include "support.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/train/state_digest.hpp>
#include <lapidary/train/train_step.hpp>

#include <chrono>
#include <fstream>
#include <memory>
#include <vector>

using namespace bench;
using namespace lapidary;

namespace {

/// Peak resident bytes of this process (VmHWM), since `forget_peak` where the system allows that.
double peak_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string key; status >> key;) {
        double kibibytes = 0;
        if (key == "VmHWM:" && status >> kibibytes) return 1024 * kibibytes;
    }
    return 0;
}
void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// Multiply-adds counted as two: 6 for each weight of a matrix that meets a token, and causal attention, which
/// sees half of the T x T square. Looking up embeddings is not arithmetic.
double flops_per_token(const AmberConfig& c) {
    const Index block = 4 * c.hidden_size * c.hidden_size + 3 * c.hidden_size * c.intermediate_size;
    const Index weights = c.num_hidden_layers * block + c.vocab_size * c.hidden_size;
    return 6.0 * static_cast<double>(weights + c.num_hidden_layers * c.hidden_size * c.max_position_embeddings);
}

/// A model in training, warmed up: every page it will touch is there.
struct Training {
    Cpu device{{.threads = threads()}};
    AmberConfig config;
    Amber model;
    TrainState<Cpu> state;
    Batch batch;
    StepOptions options;

    Training(const AmberConfig& c, Index sequences, Index micro_batch)
        : config(c), model(c), state(device, model.layout()), options{.micro_batch = micro_batch} {
        initialize(device, model, state, {.seed = 1});
        batch.batch = sequences;
        batch.context = c.max_position_embeddings;
        const auto ids = token_ids(sequences * (batch.context + 1), c.vocab_size);
        batch.tokens.assign(ids.view().begin(), ids.view().end());
        peak_flops(device);
        forget_peak();
        for (int i = 0; i < 2; ++i) step();
    }
    double step() {
        SingleProcess world;
        return train_step(device, world, model, state, batch, AdamW{}, 3e-4, options).seconds;
    }
};

// The same training serves every call with the same arguments: Google Benchmark calls again for more iterations.
Training& training(const AmberConfig& config, Index sequences, Index micro_batch) {
    static std::unique_ptr<Training> current;
    if (!current || current->config.hidden_size != config.hidden_size ||
        current->options.micro_batch != micro_batch) {
        current.reset();  // its memory goes first
        current = std::make_unique<Training>(config, sequences, micro_batch);
    }
    return *current;
}

void measure_steps(benchmark::State& state, const AmberConfig& config, Index sequences) {
    Training& t = training(config, sequences, state.range(0));
    std::vector<double> seconds;
    for (auto _ : state) seconds.push_back(t.step());
    std::sort(seconds.begin(), seconds.end());
    const double median = 0.5 * (seconds[(seconds.size() - 1) / 2] + seconds[seconds.size() / 2]);
    const auto tokens = static_cast<double>(t.batch.batch * t.batch.context);
    const double flops = tokens * flops_per_token(config) / median;
    state.counters["tokens/s"] = tokens / median;
    state.counters["best_tokens/s"] = tokens / seconds.front();
    state.counters["GFLOP/s"] = flops / 1e9;
    state.counters["peak_GFLOP/s"] = peak_flops(t.device) / 1e9;
    state.counters["peak_fraction"] = flops / peak_flops(t.device);
    state.counters["peak_bytes"] = peak_bytes();
    state.counters["arena_bytes"] = static_cast<double>(t.device.scratch().peak());
}

void add_steps(const std::string& name, const AmberConfig& config, Index sequences) {
    auto* steps =
        bench::add("train_step/" + name, [=](benchmark::State& s) { measure_steps(s, config, sequences); });
    steps->ArgName("micro_batch")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);
    if (setting("LAPIDARY_STEPS") > 0) steps->Iterations(setting("LAPIDARY_STEPS"));
}

/// The digest of the state after a step, and what share of a step's time it takes.
void measure_digest(benchmark::State& state, const AmberConfig& config, Index sequences) {
    Training& t = training(config, sequences, 0);
    SingleProcess world;
    std::vector<double> steps, digests;
    for (auto _ : state) {
        steps.push_back(t.step());
        const auto start = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize(state_digest(t.device, world, t.model.layout(), t.state));
        digests.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    const auto median = [](std::vector<double>& values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    };
    const double digest = median(digests);
    state.counters["digest_ms"] = 1e3 * digest;
    state.counters["of_a_step"] = digest / median(steps);
    state.counters["GB/s"] = 12e-9 * static_cast<double>(t.model.layout().size()) / digest;
}

}  // namespace

int main(int argc, char** argv) {
    add_steps("S", AmberConfig::bench_s(), 8);
    add_steps("M", AmberConfig::bench_m(), 4);
    bench::add("state_digest/S", [](benchmark::State& s) {
        measure_digest(s, AmberConfig::bench_s(), 8);
    })->Unit(benchmark::kMillisecond);
    return bench::run(argc, argv);
}
