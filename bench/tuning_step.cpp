// Steps of fine-tuning on AMBER at the benchmark sizes S and M: a step on preferences beside its parts, and a step
// of adapters beside one of all weights and beside what is planned. All alternate; figures are medians.

#include "support.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/counting.hpp>
#include <lapidary/models/adapters.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/models/tuned_model.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/train/plan.hpp>
#include <lapidary/train/preference_step.hpp>
#include <lapidary/train/train_step.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

using namespace bench;
using namespace lapidary;

namespace {

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
}

/// Pairs of whole windows, of which the second half counts.
Batch pairs(const AmberConfig& config, Index sequences) {
    Batch batch;
    batch.batch = sequences;
    batch.context = config.max_position_embeddings;
    const auto ids = token_ids(sequences * (batch.context + 1), config.vocab_size);
    batch.tokens.assign(ids.view().begin(), ids.view().end());
    for (Index i = 0; i < sequences * batch.context; ++i) {
        batch.mask.push_back(i % batch.context >= batch.context / 2 ? 1 : 0);
    }
    return batch;
}

/// Forward of the reference, forward and backward of the policy with its update, each by itself, and all of it as
/// a step on preferences.
void time_preferences(benchmark::State& state, const AmberConfig& config) {
    Cpu device({.threads = threads()});
    SingleProcess world;
    const Amber model{config};
    TrainState<Cpu> policy(device, model.layout(), {}, Moments::second);
    initialize(device, model, policy, {.seed = 1});
    const auto base = policy.weights.view();
    Tensor<float, 1, Cpu> frozen(device, {model.layout().size()});
    copy(device, ConstView<float, 1>(base), frozen.view());
    const Batch batch = pairs(config, 4);
    const StepOptions options{.micro_batch = 2, .clip_norm = 10, .mean = LossMean::sequences};
    std::vector<double> reference, forward, both, whole;
    for (auto _ : state) {
        forward.push_back(seconds_of([&] {
            reference = sequence_log_probs(device, world, model, frozen.view(), batch, options.micro_batch);
        }));
        both.push_back(
            seconds_of([&] { train_step(device, world, model, policy, batch, RmsProp{}, 5e-7, options); }));
        whole.push_back(seconds_of([&] {
            reference = sequence_log_probs(device, world, model, frozen.view(), batch, options.micro_batch);
            preference_step(device, world, model, policy, batch, reference, PreferenceLoss{}, RmsProp{}, 5e-7,
                            options);
        }));
    }
    state.counters["reference_ms"] = 1e3 * median(forward);
    state.counters["policy_ms"] = 1e3 * median(both);
    state.counters["preferences_ms"] = 1e3 * median(whole);
    state.counters["of_the_parts"] = median(whole) / (median(forward) + median(both));
}

/// Adapters of rank 8 on every matrix, beside all weights; and what is planned of both.
void time_adapters(benchmark::State& state, const AmberConfig& config) {
    Cpu device({.threads = threads()});
    SingleProcess world;
    const AdapterPlan plan = adapter_plan(config, {.rank = 8, .alpha = 16});
    const Amber model(config, Recompute::nothing, plan);
    TrainState<Cpu> all(device, model.layout());
    initialize(device, model, all, {.seed = 1});
    Tensor<float, 1, Cpu> base(device, {model.layout().size()});
    copy(device, ConstView<float, 1>(all.weights.view()), base.view());
    const TunedModel<Amber, Cpu> tuned(model, base.view());
    TrainState<Cpu> adapters(device, tuned.layout());
    initialize(device, tuned, adapters, {.seed = 2});
    const Batch batch = pairs(config, 4);
    const StepOptions options{.micro_batch = 2, .mean = LossMean::counted};
    std::vector<double> whole, low_rank;
    std::size_t whole_peak = 0, low_rank_peak = 0;
    const auto peak = [&](auto&& work) {
        device.scratch().restart_peak();
        work();
        return device.scratch().peak();
    };
    for (auto _ : state) {
        whole_peak = peak([&] {
            whole.push_back(
                seconds_of([&] { train_step(device, world, model, all, batch, AdamW{}, 1e-5, options); }));
        });
        low_rank_peak = peak([&] {
            low_rank.push_back(
                seconds_of([&] { train_step(device, world, tuned, adapters, batch, AdamW{}, 1e-4, options); }));
        });
    }
    Counting counting;
    const StepPlan planned = plan_step(counting, Amber(config), 2, batch.context);
    const StepPlan planned_adapters = plan_adapters(counting, model, 2, batch.context);
    const auto bytes = [](Index elements) { return 4.0 * static_cast<double>(elements); };
    state.counters["whole_ms"] = 1e3 * median(whole);
    state.counters["adapters_ms"] = 1e3 * median(low_rank);
    state.counters["time"] = median(low_rank) / median(whole);
    state.counters["planned_time"] = planned_adapters.operations_per_token() / planned.operations_per_token();
    // Weights, gradients and both moments of what is trained, the frozen weights, and activations.
    state.counters["whole_MB"] = 1e-6 * (bytes(4 * model.layout().size()) + static_cast<double>(whole_peak));
    state.counters["adapters_MB"] =
        1e-6 * (bytes(4 * tuned.layout().size() + base.size()) + static_cast<double>(low_rank_peak));
    state.counters["planned_MB"] = 1e-6 * (bytes(4 * planned_adapters.flat_size + planned_adapters.frozen) +
                                           static_cast<double>(planned_adapters.activations));
}

}  // namespace

int main(int argc, char** argv) {
    const int steps = setting("LAPIDARY_STEPS") > 0 ? setting("LAPIDARY_STEPS") : 9;
    const auto add = [&](const std::string& name, const AmberConfig& config, auto measure) {
        bench::add(name, [=](benchmark::State& s) { measure(s, config); })
            ->Unit(benchmark::kMillisecond)
            ->Iterations(steps);
    };
    add("preference_step/S", AmberConfig::bench_s(), &time_preferences);
    add("preference_step/M", AmberConfig::bench_m(), &time_preferences);
    add("adapter_step/S", AmberConfig::bench_s(), &time_adapters);
    add("adapter_step/M", AmberConfig::bench_m(), &time_adapters);
    return bench::run(argc, argv);
}
