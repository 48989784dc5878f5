// plan: a model and hardware -> memory, by category, and time.

#include <lapidary/counting.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/train/plan.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Options {
    std::string model = "amber", preset = "7b", device = "cpu";
    fs::path config, out;
    Index batch = 0, micro_batch = 1, lanes = 1, ranks = 1, context = 0;
    double tokens = 0, peak = 0, utilization = 0;
    bool recompute = false;
};

// Bytes an element of each category takes, the peak in FLOP/s, and the share of it that training reaches: of published
// runs of 7B models on these cards; lapidary's own share on the CPU.
struct Hardware {
    double weight, master, gradient, moment, activation, peak, utilization, memory;
};

// What this machine makes of a large product of matrices, in FLOP/s.
double measured_peak() {
    Cpu device;
    const Index n = 1536;
    const auto a = scratch(device, Shape<2>{n, n}), b = scratch(device, Shape<2>{n, n}), c = scratch(device, Shape<2>{n, n});
    fill(device, a.flat(), 1);
    fill(device, b.flat(), 1);
    double best = 0;
    for (int i = 0; i < 6; ++i) {
        const auto start = std::chrono::steady_clock::now();
        matmul(device, a, b, c);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        best = std::max(best, 2 * std::pow(static_cast<double>(n), 3) / seconds);
    }
    return best;
}

Hardware hardware(const std::string& device) {
    if (device == "a100") return {2, 4, 4, 8, 2, 312e12, 0.45, 80e9};
    if (device == "h100") return {2, 4, 4, 8, 2, 989.4e12, 0.40, 80e9};
    if (device == "h200") return {2, 4, 4, 8, 2, 989.4e12, 0.40, 141e9};
    return {4, 0, 4, 8, 4, measured_peak(), 0.80, 0};
}

template <class Model>
void report(const Options& options, const Model& model) {
    const Index context = options.context > 0 ? options.context : model.context();
    const Index batch = options.batch > 0 ? options.batch : options.micro_batch * options.lanes * options.ranks;
    Hardware on = hardware(options.device);
    if (options.peak > 0) on.peak = options.peak * 1e12;
    if (options.utilization > 0) on.utilization = options.utilization;

    Counting device;
    const StepPlan plan = plan_step(device, model, options.micro_batch, context, options.lanes);
    const double flat = static_cast<double>(plan.flat_size), rank_tokens = on.peak * on.utilization / plan.operations_per_token();
    const double seconds = static_cast<double>(batch * context) / (rank_tokens * static_cast<double>(options.ranks));
    const double activations = static_cast<double>(plan.activations) * on.activation / sizeof(float);
    const Json memory = {{"weights", flat * on.weight},
                         {"master_weights", flat * on.master},
                         {"gradients", flat * on.gradient},
                         {"gradients_of_lanes", flat * on.gradient * static_cast<double>(plan.lane_buffers)},
                         {"moments", flat * on.moment},
                         {"activations", activations}};
    double total = 0;
    for (const auto& bytes : memory) total += bytes.template get<double>();

    std::printf("%s %s: %ld parameters, %ld x %ld tokens a step, %ld rank(s) on %s\n", Model::Config::family.data(),
                options.config.empty() ? options.preset.c_str() : options.config.c_str(), plan.parameters, batch, context,
                options.ranks, options.device.c_str());
    std::printf("FLOPs a token  %10.4g G   products %.4g, attention %.4g%s\n", plan.operations_per_token() / 1e9,
                plan.products_per_token / 1e9, plan.attention_per_token / 1e9,
                options.recompute ? ", recomputation included" : "");
    std::printf("memory a rank  %10.4g GB  micro-batch of %ld, data parallel\n", total / 1e9, options.micro_batch);
    for (const auto& [category, bytes] : memory.items()) {
        std::printf("  %-20s %8.4g GB\n", category.c_str(), bytes.template get<double>() / 1e9);
    }
    if (on.memory > 0 && total > on.memory) std::printf("  more than the %.4g GB of one %s\n", on.memory / 1e9, options.device.c_str());
    std::printf("speed          %10.4g tokens/s a rank, at %.0f%% of %.4g TFLOP/s\n", rank_tokens, 100 * on.utilization, on.peak / 1e12);
    std::printf("a step         %10.4g s\n", seconds);
    Json result = {{"parameters", plan.parameters},
                   {"operations_per_token", {{"products", plan.products_per_token}, {"attention", plan.attention_per_token}}},
                   {"memory_bytes", memory},
                   {"tokens_per_second", rank_tokens * static_cast<double>(options.ranks)},
                   {"seconds_per_step", seconds}};
    if (options.tokens > 0) {
        const double days = options.tokens / (rank_tokens * static_cast<double>(options.ranks)) / 86400;
        std::printf("%-14.4g %10.4g days\n", options.tokens, days);
        result["days"] = days;
    }
    if (!options.out.empty()) write_json(options.out, result);
}

void run(const Options& options) {
    if (options.ranks < 1) throw Error(ErrorCode::value, "plan", "ranks is " + std::to_string(options.ranks));
    const auto start = [&]<class Config>(const Config& config) {
        if (options.recompute) {
            report(options, Decoder<Recompute<typename Config::Block>, Config>(config));
        } else {
            report(options, typename Config::Model(config));
        }
    };
    if (options.config.empty()) {
        visit_preset(options.model, options.preset, [&](const auto& config) {
            start(static_cast<const typename std::decay_t<decltype(config)>::Model::Config&>(config));
        });
    } else {
        visit_config(read_json(options.config), options.config.string(), start);
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Memory and time that training a model takes: counted by running its code on a device that computes nothing."};
    Options options;
    app.add_option("--model", options.model, "Architecture")->capture_default_str();
    app.add_option("--preset", options.preset, "Size of that architecture")->capture_default_str();
    app.add_option("--config", options.config, "A config.json instead of a preset");
    app.add_option("--device", options.device, "cpu: this one, fp32; others: bf16")->check(CLI::IsMember({"cpu", "a100", "h100", "h200"}))->capture_default_str();
    app.add_option("--ranks", options.ranks, "Processes that share out the batch")->capture_default_str();
    app.add_option("--batch", options.batch, "Sequences a step [micro-batch x lanes x ranks]");
    app.add_option("--micro-batch", options.micro_batch, "Sequences in flight on a rank")->capture_default_str();
    app.add_option("--lanes", options.lanes, "Lanes a rank works through")->capture_default_str();
    app.add_option("--context", options.context, "Tokens of a sequence [the model's]");
    app.add_option("--tokens", options.tokens, "Tokens of the whole run: how many days?");
    app.add_option("--peak", options.peak, "TFLOP/s of one rank's device [the table's; cpu: measured]");
    app.add_option("--utilization", options.utilization, "Share of the peak that is reached [0.8 cpu, 0.45 a100, 0.4 h100, h200]");
    app.add_flag("--recompute", options.recompute, "Keep one vector per token and layer, compute the rest again");
    app.add_option("--out", options.out, "Write the figures as JSON");
    try {
        app.parse(argc, argv);
        run(options);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "plan: " << error.what() << "\n";
        return 1;
    }
}
