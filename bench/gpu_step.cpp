// Whole training steps of AMBER on one GPU: forward, backward, gradient norm, AdamW. README.md says what the
// figures mean.

#include "gpu_training.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/io/json_value.hpp>
#include <lapidary/models/amber.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/train/plan.hpp>
#include <lapidary/train/train_step.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

using namespace bench;
using namespace lapidary;

namespace {

struct Options {
    std::string preset = "7b", precision = "bf16", recompute = "nothing", json;
    Index batch = 4, micro_batch = 0, steps = 10;
    int gpu = 0;
    bool tune = false, cudnn = false;
};

double measured_product_rate(const Options& options) {
    Cuda gpu({.device = options.gpu, .scratch_bytes = std::size_t{256} << 20, .tune_products = options.tune});
    Ring in(gpu, std::size_t{1} << 30), out(gpu, std::size_t{1} << 30);
    return product_rate(gpu, in, out);
}

template <class T>
Json measure(const Options& options) {
    detail::check(cudaSetDevice(options.gpu), "gpu");
    const double product = measured_product_rate(options);
    const std::size_t free_at_start = free_memory();
    const AmberConfig config = config_of(options.preset);
    const Amber model(config, level_of(options.recompute));
    const Index micro_batch = options.micro_batch > 0 ? std::min(options.micro_batch, options.batch)
                                                      : fitting_micro_batch<T>(model, options.batch);
    BasicCuda<T> gpu({.device = options.gpu,
                      .scratch_bytes = scratch_bytes<T>(model, micro_batch),
                      .tune_products = options.tune,
                      .cudnn = options.cudnn});
    TrainState<BasicCuda<T>> state(gpu, model.layout());
    fill_weights(gpu, model.layout(), state.weights.view());
    const Batch batch = random_batch(config, options.batch);
    SingleProcess world;

    constexpr Index warm_up = 2;
    std::vector<double> seconds, losses;
    for (Index step = 0; step < warm_up + options.steps; ++step) {
        const double start = now();
        losses.push_back(
            train_step(gpu, world, model, state, batch, AdamW{}, 3e-4, {.micro_batch = micro_batch}).loss);
        gpu.synchronize();
        if (step >= warm_up) seconds.push_back(now() - start);
    }
    if (!(losses.back() < losses.front())) throw Error(ErrorCode::value, "train_step", "the loss must fall");

    BasicCounting<T> counting;
    const StepPlan work = plan_step(counting, Amber(config), 1, batch.context);
    const auto tokens = static_cast<double>(batch.batch * batch.context),
               parameters = static_cast<double>(work.parameters);
    const double rate = tokens / median(seconds),
                 peak = published_peak(gpu.name()) > 0 ? published_peak(gpu.name()) : product;
    const double flops = rate * work.operations_per_token();
    const double mfu_flops =
        rate * (6 * parameters + 12.0 * static_cast<double>(config.num_hidden_layers * config.num_attention_heads *
                                                            config.head_size() * batch.context));
    const auto held = static_cast<double>(free_at_start - free_memory());
    const auto idle = static_cast<double>(gpu.scratch().capacity() - gpu.scratch().peak());
    return {{"size", options.preset},
            {"gpu", gpu.name()},
            {"precision", options.precision},
            {"recompute", options.recompute},
            {"cudnn", options.cudnn},
            {"parameters", work.parameters},
            {"tokens_per_step", tokens},
            {"micro_batch", micro_batch},
            {"tokens/s", rate},
            {"best_tokens/s", tokens / *std::min_element(seconds.begin(), seconds.end())},
            {"step_seconds", seconds},
            {"GFLOP/s", flops / 1e9},
            {"peak_GFLOP/s", peak / 1e9},
            {"product_GFLOP/s", product / 1e9},
            {"mfu", mfu_flops / peak},
            {"computed_fraction", flops / peak},
            {"peak_bytes", held - idle},
            {"held_bytes", held},
            {"scratch_peak_bytes", static_cast<double>(gpu.scratch().peak())},
            {"loss", {losses.front(), losses.back()}}};
}

void print(const Json& r) {
    const auto text = [&](const char* name) {
        return r.at(name).is_string() ? r.at(name).get<std::string>() : r.at(name).dump();
    };
    const auto number = [&](const char* name) { return r.at(name).get<double>(); };
    std::printf(
        "AMBER %s, %s parameters, %s, on %s: steps of %s tokens, micro-batch %s, recompute %s; milliseconds:",
        text("size").c_str(), text("parameters").c_str(), text("precision").c_str(), text("gpu").c_str(),
        text("tokens_per_step").c_str(), text("micro_batch").c_str(), text("recompute").c_str());
    for (const auto& seconds : r.at("step_seconds")) std::printf(" %.1f", 1e3 * seconds.get<double>());
    std::printf(
        "\nmedian %.0f tokens/s, best %.0f; of %.0f TFLOP/s: MFU %.1f%% (6 N + 12 L d T a token), %.1f%% (causal, "
        "without the embedding); products of 8192^3 make %.0f TFLOP/s\n",
        number("tokens/s"), number("best_tokens/s"), number("peak_GFLOP/s") / 1e3, 100 * number("mfu"),
        100 * number("computed_fraction"), number("product_GFLOP/s") / 1e3);
    std::printf("memory: %.2f GB needed, %.2f GB of it scratch; %.2f GB held\n", number("peak_bytes") / 1e9,
                number("scratch_peak_bytes") / 1e9, number("held_bytes") / 1e9);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Times whole training steps of AMBER on one GPU."};
    Options o;
    app.add_option("--preset", o.preset, "Size: 7b, 3b, 1b, m, s, tiny, nano")->capture_default_str();
    app.add_option("--batch", o.batch, "Sequences a step")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--micro-batch", o.micro_batch, "Sequences in flight [as many as fit]")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--steps", o.steps, "Steps that are timed, after two others")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--precision", o.precision, "Of weights and activations")
        ->check(CLI::IsMember({"bf16", "fp32"}));
    app.add_option("--recompute", o.recompute, "nothing, norms, mlp, qkv, block")->capture_default_str();
    app.add_option("--gpu", o.gpu, "Which GPU [the first]");
    app.add_flag("--tune", o.tune, "Time the algorithms for each product and keep the fastest");
    app.add_flag("--cudnn", o.cudnn, "Attention by cuDNN");
    app.add_option("--json", o.json, "Also write the figures as a line of JSON");
    CLI11_PARSE(app, argc, argv);
    try {
        const Json result = o.precision == "bf16" ? measure<bf16>(o) : measure<float>(o);
        print(result);
        if (!o.json.empty()) std::ofstream(o.json, std::ios::app) << result << "\n";
    } catch (const std::exception& error) {
        std::cerr << "bench_gpu_step: " << error.what() << "\n";
        return 1;
    }
    return 0;
}
