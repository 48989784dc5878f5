#pragma once

#include "checks.hpp"
#include "rank_memory.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/models/adapters.hpp>
#include <lapidary/train/plan_time.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>

/// The peak in FLOP/s, and the share of it that training reaches: of published runs of 7B models on these cards;
/// lapidary's own share on the CPU. Memory of one rank, in bytes.
struct Hardware {
    bool bf16;  // weights and activations, else fp32
    double peak, utilization, memory;
    lapidary::Links links;

    [[nodiscard]] ElementBytes element_bytes() const {
        return bf16 ? ElementBytes::of<lapidary::bf16>() : ElementBytes::of<float>();
    }
};

/// The command line of `plan`.
struct Options {
    std::string model = "amber", preset = "7b", device = "cpu", precision, recompute = "nothing";
    std::filesystem::path config, out;
    lapidary::Index batch = 0, micro_batch = 1, lanes = 0, context = 0, ranks_per_node = 0;
    int ranks = 1, zero = -1;
    double tokens = 0, peak = 0, utilization = 0, memory = 0;
    lapidary::LoraOptions lora{.rank = 0};
    double link_bandwidth = 0, link_latency = -1, node_bandwidth = 0, node_latency = -1;  // GB/s and us

    void add_to(CLI::App& app) {
        app.add_option("--model", model, "Architecture")->capture_default_str();
        app.add_option("--preset", preset, "Size of that architecture")->capture_default_str();
        app.add_option("--config", config, "A config.json instead of a preset");
        app.add_option("--device", device, "cpu: this one")
            ->check(CLI::IsMember({"cpu", "a100", "h100", "h200"}))
            ->capture_default_str();
        app.add_option("--precision", precision,
                       "Of weights and activations; gradients, moments and statistics are fp32, and remainders "
                       "make fp32 of bf16 weights [fp32 cpu, bf16 others]")
            ->check(CLI::IsMember({"fp32", "bf16"}));
        app.add_option("--memory", memory, "GB of one rank's device [the device's]")->check(positive());
        app.add_option("--ranks", ranks, "Processes that share out the batch")
            ->check(CLI::Range(1, 65536))
            ->capture_default_str();
        app.add_option("--zero", zero,
                       "What ranks keep only their shard of, as pretrain's [all levels, side by side]")
            ->check(CLI::Range(0, 3));
        app.add_option("--batch", batch, "Sequences a step [micro-batch x lanes]")->check(number_in(1));
        app.add_option("--micro-batch", micro_batch, "Sequences in flight on a rank")
            ->capture_default_str()
            ->check(number_in(1, 1e9));
        app.add_option("--lanes", lanes, "Lanes of the run, as pretrain's [one a rank]")->check(number_in(1));
        app.add_option("--context", context, "Tokens of a sequence [the model's]")->check(number_in(1));
        app.add_option("--tokens", tokens, "Tokens of the whole run: how many days?")->check(positive());
        app.add_option("--peak", peak, "TFLOP/s of one rank's device [the table's; cpu: measured]")
            ->check(positive());
        app.add_option("--utilization", utilization,
                       "Share of the peak that is reached [0.8 cpu, 0.45 a100, 0.4 h100, h200]")
            ->check(number_in(0, 1, true));
        app.add_option("--recompute", recompute,
                       "What is computed again instead of kept, each level with those before it: nothing, norms, "
                       "mlp, qkv, block; auto: the cheapest level that fits")
            ->check(CLI::IsMember(recompute_choices()))
            ->capture_default_str();
        app.add_option("--ranks-per-node", ranks_per_node, "[1 cpu, 8 others]")->check(number_in(1));
        app.add_option(
               "--link-bandwidth", link_bandwidth,
               "GB/s of a rank inside a node, each way [20 cpu: half of a copy's; NVLink as NCCL is known to "
               "use it: 235 a100, 362 h100, h200]")
            ->check(positive());
        app.add_option("--link-latency", link_latency,
                       "us a message inside a node [0.5, as NCCL's tuning has NVLink; 1 cpu]")
            ->check(number_in(0));
        app.add_option(
               "--node-bandwidth", node_bandwidth,
               "GB/s of a rank to other nodes, each way [the line's: 25 a100, HDR InfiniBand; 50 h100, h200, "
               "NDR; 1.25 cpu, 10 Gb/s Ethernet]")
            ->check(positive());
        app.add_option("--node-latency", node_latency,
                       "us a message to another node [2.7, as NCCL's tuning has a network; 30 cpu, TCP]")
            ->check(number_in(0));
        app.add_option("--lora-rank", lora.rank,
                       "Train adapters of this rank alone, over frozen weights; 0: all weights")
            ->capture_default_str()
            ->check(number_in(0, 65536));
        app.add_option("--lora-targets", lora.targets,
                       "Their modules, by the ends of their names, with commas [every matrix of the blocks]")
            ->delimiter(',');
        app.add_option("--out,--json", out, "Write the figures as JSON");
    }

    [[nodiscard]] lapidary::Index run_lanes() const { return lanes > 0 ? lanes : ranks; }
    [[nodiscard]] lapidary::Index step_batch() const {
        return batch > 0 ? batch : micro_batch * std::max<lapidary::Index>(run_lanes(), ranks);
    }
    [[nodiscard]] lapidary::RankOptions ranks_at(int level, const Hardware& on) const {
        return {.ranks = ranks,
                .lanes = run_lanes(),
                .batch = step_batch(),
                .micro_batch = micro_batch,
                .zero = static_cast<lapidary::Zero>(level),
                .weight_bytes = static_cast<lapidary::Index>(on.element_bytes().weight),
                .gradient_bytes = static_cast<lapidary::Index>(on.element_bytes().gradient)};
    }
};

/// What this machine makes of a large product of matrices, in FLOP/s.
inline double measured_peak() {
    using namespace lapidary;
    Cpu device;
    const Index n = 1536;
    const auto square = [&] { return scratch(device, Shape<2>{n, n}); };
    const auto a = square(), b = square(), c = square();
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

/// The device that was asked for.
///
/// Memory: what the driver reports of these cards, less 2 GB for itself and the libraries' workspaces. Peaks:
/// dense bf16 products; fp32 without tensor cores. Sources of the links' figures. NVLink: what NCCL reaches, 235
/// GB/s on A100 (the limit in its src/graph/tuning.cc) and 362 GB/s on H100 (reduce-scatter of 8 GB,
/// NVIDIA/nccl#1047), of 300 and 450. Networks: the line rate of the 200 and 400 Gb/s adapter that each GPU of a
/// DGX A100 and a DGX H100 has. Latencies of GPUs: of a hop in NCCL's tuning.cc (ring, LL), 0.47 and 2.7 us. CPU:
/// half of the 46 GB/s that a copy reads and writes (bench/RESULTS.md); 10 Gb/s Ethernet and, as a round figure,
/// 30 us for a message by TCP.
inline Hardware hardware(const Options& options) {
    const std::string& device = options.device;
    const bool gpu = device != "cpu", a100 = device == "a100";
    const bool bf16 = options.precision.empty() ? gpu : options.precision == "bf16";
    if (bf16 && !gpu) {
        throw lapidary::Error(lapidary::ErrorCode::unsupported, "plan", "the CPU computes in fp32");
    }
    const auto megabytes = [](double count) { return count * 1048576 - 2e9; };
    Hardware on{bf16, 0, 0.80, machine_memory(), {1, {20e9, 1e-6}, {1.25e9, 30e-6}}};
    if (a100) {
        on = {bf16, bf16 ? 312e12 : 19.5e12, 0.45, megabytes(81920), {8, {235e9, 0.5e-6}, {25e9, 2.7e-6}}};
    } else if (gpu) {
        on = {bf16, bf16 ? 989.4e12 : 66.9e12, 0.40, megabytes(81559), {8, {362e9, 0.5e-6}, {50e9, 2.7e-6}}};
    }
    if (device == "h200") on.memory = megabytes(143771);
    if (options.ranks_per_node > 0) on.links.ranks_per_node = options.ranks_per_node;
    if (!gpu) on.memory /= static_cast<double>(std::min<lapidary::Index>(options.ranks, on.links.ranks_per_node));
    if (options.memory > 0) on.memory = options.memory * 1e9;
    if (options.peak > 0) on.peak = options.peak * 1e12;
    if (on.peak == 0) on.peak = measured_peak();
    if (options.utilization > 0) on.utilization = options.utilization;
    if (options.link_bandwidth > 0) on.links.inside.bandwidth = options.link_bandwidth * 1e9;
    if (options.link_latency >= 0) on.links.inside.latency = options.link_latency * 1e-6;
    if (options.node_bandwidth > 0) on.links.between.bandwidth = options.node_bandwidth * 1e9;
    if (options.node_latency >= 0) on.links.between.latency = options.node_latency * 1e-6;
    return on;
}
