// plan: a model and hardware -> memory, by category, what ranks exchange, and time.

#include "plan_options.hpp"
#include "plan_table.hpp"

#include <lapidary/counting.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/train/plan.hpp>
#include <lapidary/train/plan_ranks.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

using namespace lapidary;

namespace {

// A step of the model, at each level of recomputation, on these ranks.
struct Job {
    const Options& options;
    const Hardware& on;
    const ParameterLayout& layout;
    std::vector<LevelPlan> plans;
    double tokens;

    // What a rank computes in a second.
    [[nodiscard]] double rank_tokens(const LevelPlan& plan) const {
        return on.peak * on.utilization / plan.step.operations_per_token();
    }
    // Seconds that computing the step takes.
    [[nodiscard]] double computation(const LevelPlan& plan) const {
        return tokens / (rank_tokens(plan) * options.ranks);
    }

    // At a level of sharding.
    [[nodiscard]] Level at(int zero) const {
        const RankPlan plan = plan_ranks(layout, options.ranks_at(zero, on));
        const double kept = total(memory_of(plan.elements, on.element_bytes(), 0, plans.front().step.frozen));
        const LevelPlan& recompute = chosen_level(plans, options.recompute, on.memory - kept);
        const double forward = recompute.step.forward_per_token / recompute.step.operations_per_token();
        return {zero, plan, time_step(plan, on.links, computation(recompute), 1 - forward),
                memory_of(plan.elements, on.element_bytes(), static_cast<double>(recompute.step.activations),
                          recompute.step.frozen),
                recompute};
    }
};

void print_levels_of_recomputation(const Job& job, const std::vector<Level>& levels) {
    std::vector<std::pair<std::string, double>> columns;
    for (const Level& level : levels) {
        columns.emplace_back(job.options.ranks > 1 ? "ZeRO-" + std::to_string(level.zero) : "memory, GB",
                             total(level.memory) - static_cast<double>(level.recompute.step.activations));
    }
    print_recompute(job.plans, columns);
    std::printf("cheapest that fits the %.4g GB of one %s: ", job.on.memory / 1e9, job.options.device.c_str());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const LevelPlan* fits = cheapest_that_fits(job.plans, job.on.memory - columns[i].second);
        std::printf("%s%s%s%s", i > 0 ? ", " : "", columns.size() > 1 ? columns[i].first.c_str() : "",
                    columns.size() > 1 ? " " : "", fits ? name_of(fits->level).c_str() : "none");
    }
    std::printf("\n");
}

// One rank.
void report_one(const Job& job, const Level& level, Json& result) {
    std::printf("memory a rank  %10.4g GB  micro-batch of %ld, data parallel, recomputed: %s\n",
                total(level.memory) / 1e9, job.options.micro_batch, name_of(level.recompute.level).c_str());
    Json memory;
    for (const auto& [category, bytes] : level.memory) {
        if (bytes == 0) continue;
        memory[category] = bytes;
        std::printf("  %-20s %8.4g GB\n", category.c_str(), bytes / 1e9);
    }
    const double speed = job.rank_tokens(level.recompute), seconds = job.computation(level.recompute);
    result["recompute"] = name_of(level.recompute.level);
    result["memory_bytes"] = memory;
    result["tokens_per_second"] = speed;
    result["seconds_per_step"] = seconds;
    std::printf("speed          %10.4g tokens/s, at %.0f%% of %.4g TFLOP/s\n", speed, 100 * job.on.utilization,
                job.on.peak / 1e12);
    std::printf("a step         %10.4g s\n", seconds);
    if (job.options.tokens > 0) {
        result["days"] = job.options.tokens / speed / 86400;
        std::printf("%-14.4g %10.4g days\n", job.options.tokens, result["days"].get<double>());
    }
}

// Several ranks, at each level of sharding that was asked for.
void report_ranks(const Job& job, const std::vector<Level>& levels, Json& result) {
    const RankPlan& plan = levels.front().plan;
    const Links& links = job.on.links;
    std::printf(
        "links a rank   %10.4g GB/s, %.3g us a message in a node of %ld; %.4g GB/s, %.3g us between nodes\n",
        links.inside.bandwidth / 1e9, links.inside.latency * 1e6, links.ranks_per_node,
        links.between.bandwidth / 1e9, links.between.latency * 1e6);
    print_levels(levels, job.on, job.tokens, job.options.tokens);
    std::printf("computation at %.0f%% of %.4g TFLOP/s a rank\n", 100 * job.on.utilization, job.on.peak / 1e12);
    result["refusal"] = plan.refusal.empty() ? Json(nullptr) : Json(plan.refusal);
    result["levels"] = levels_json(levels, job.tokens, job.options.tokens);
}

template <class Model, class T>
void report(const Options& options, const Hardware& on, const typename Model::Config& config) {
    AdapterPlan adapters;
    if (options.lora.rank > 0) adapters = adapter_plan(config, options.lora);
    const Model model(config, Recompute::nothing, adapters);
    const ParameterLayout& layout = adapters.empty() ? model.layout() : *model.layout().adapters();
    const Index context = options.context > 0 ? options.context : model.context();
    const RankPlan rank = plan_ranks(layout, options.ranks_at(0, on));
    const Index micro_batch = std::min(options.micro_batch, rank.lane_sequences);
    BasicCounting<T> device;
    const Job job{options, on, layout,
                  plan_levels<Model>(device, config, micro_batch, context, rank.lanes, adapters),
                  static_cast<double>(options.step_batch() * context)};
    std::vector<Level> levels;
    const bool all = options.ranks > 1 && options.zero < 0;
    for (int zero = std::max(0, options.zero); zero <= (all ? 3 : std::max(0, options.zero)); ++zero) {
        levels.push_back(job.at(zero));
    }

    const StepPlan& step = job.plans.front().step;
    std::printf("%s %s: %ld parameters, %ld x %ld tokens a step, %d rank(s) on %s, %s\n",
                Model::Config::family.data(),
                options.config.empty() ? options.preset.c_str() : options.config.c_str(), step.parameters,
                options.step_batch(), context, options.ranks, options.device.c_str(), on.bf16 ? "bf16" : "fp32");
    if (step.frozen > 0) {
        std::printf("adapters alone: beside %ld parameters that stay as they are\n",
                    model.layout().parameter_count());
    }
    std::printf("FLOPs a token  %10.4g G   products %.4g, attention %.4g\n", step.operations_per_token() / 1e9,
                step.products_per_token / 1e9, step.attention_per_token / 1e9);
    std::printf("a rank         %10ld lane(s) of %ld sequences, micro-batch of %ld\n", rank.lanes,
                rank.lane_sequences, micro_batch);
    if (!rank.refusal.empty()) {
        std::printf(
            "  planned as one lane a rank, as others run it; a run of this library would refuse it:\n  %s\n",
            rank.refusal.c_str());
    }
    print_levels_of_recomputation(job, levels);
    Json result = {{"parameters", step.parameters},
                   {"frozen_parameters", step.frozen > 0 ? model.layout().parameter_count() : 0},
                   {"operations_per_token",
                    {{"products", step.products_per_token}, {"attention", step.attention_per_token}}}};
    for (const LevelPlan& plan : job.plans) {
        result["recomputation"].push_back({{"level", name_of(plan.level)},
                                           {"activation_bytes", plan.step.activations},
                                           {"operations_per_token", plan.step.operations_per_token()}});
    }
    options.ranks > 1 ? report_ranks(job, levels, result) : report_one(job, levels.front(), result);
    if (!options.out.empty()) write_json(options.out, result);
}

void run(const Options& options) {
    const Hardware on = hardware(options);
    const auto start = [&]<class Config>(const Config& config) {
        using Model = typename Config::Model;
        on.bf16 ? report<Model, bf16>(options, on, config) : report<Model, float>(options, on, config);
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
    CLI::App app{
        "Memory, exchanges between ranks and time that training a model takes: counted by running its code on a\n"
        "device that computes nothing. Ranks exchange directly, each with each. An exchange takes the time of "
        "its\n"
        "bytes, inside a node and between nodes at once, and a latency for each message, one after the other: an\n"
        "upper bound. Gradients are reduced beside backward, ZeRO-3 gathers beside forward and backward; all "
        "else\n"
        "waits."};
    Options options;
    options.add_to(app);
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
