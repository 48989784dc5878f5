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

// One step, whoever shares it out.
struct Step {
    StepPlan plan;
    double tokens;
    double rank_tokens;  // that a rank computes in a second
    double activations;  // bytes

    Step(const Options& options, const Hardware& on, Index context, const StepPlan& counted)
        : plan(counted),
          tokens(static_cast<double>(options.step_batch() * context)),
          rank_tokens(on.peak * on.utilization / plan.operations_per_token()),
          activations(static_cast<double>(plan.activations) * on.activation / sizeof(float)) {}

    // Seconds that computing it takes.
    [[nodiscard]] double computation(int ranks) const { return tokens / (rank_tokens * ranks); }
    [[nodiscard]] Json json() const {
        const Json operations = {{"products", plan.products_per_token}, {"attention", plan.attention_per_token}};
        return {{"parameters", plan.parameters}, {"operations_per_token", operations}};
    }
};

// One rank.
Json report_one(const Options& options, const Hardware& on, const Step& step) {
    const double flat = static_cast<double>(step.plan.flat_size);
    const Json memory = {{"weights", flat * on.weight},
                         {"master_weights", flat * on.master},
                         {"gradients", flat * on.gradient},
                         {"gradients_of_lanes", flat * on.gradient * static_cast<double>(step.plan.lane_buffers)},
                         {"moments", flat * on.moment},
                         {"activations", step.activations}};
    double total = 0;
    for (const auto& bytes : memory) total += bytes.get<double>();
    std::printf("memory a rank  %10.4g GB  micro-batch of %ld, data parallel\n", total / 1e9, options.micro_batch);
    for (const auto& [category, bytes] : memory.items()) {
        std::printf("  %-20s %8.4g GB\n", category.c_str(), bytes.get<double>() / 1e9);
    }
    if (on.memory > 0 && total > on.memory) {
        std::printf("  more than the %.4g GB of one %s\n", on.memory / 1e9, options.device.c_str());
    }
    Json result = step.json();
    result["memory_bytes"] = memory;
    result["tokens_per_second"] = step.rank_tokens;
    result["seconds_per_step"] = step.computation(1);
    return result;
}

// Several ranks, at each level of sharding that was asked for.
Json report_ranks(const Options& options, const Hardware& on, const ParameterLayout& layout, const Step& step) {
    std::vector<Level> levels;
    for (int zero = std::max(0, options.zero); zero <= (options.zero < 0 ? 3 : options.zero); ++zero) {
        const RankPlan plan = plan_ranks(layout, options.ranks_at(zero, on));
        const double backward =
            options.recompute ? 3.0 / 4 : 2.0 / 3;  // forward, maybe again, and twice as much back
        levels.push_back({zero, plan, time_step(plan, on.links, step.computation(options.ranks), backward),
                          memory_of(plan.elements, on, step.activations)});
    }
    const RankPlan& plan = levels.front().plan;
    std::printf("a rank         %10ld lane(s) of %ld sequences, micro-batch of %ld\n", plan.lanes,
                plan.lane_sequences, std::min(options.micro_batch, plan.lane_sequences));
    if (!plan.refusal.empty()) {
        std::printf(
            "  planned as one lane a rank, as others run it; a run of this library would refuse it:\n  %s\n",
            plan.refusal.c_str());
    }
    const Links& links = on.links;
    std::printf(
        "links a rank   %10.4g GB/s, %.3g us a message in a node of %ld; %.4g GB/s, %.3g us between nodes\n",
        links.inside.bandwidth / 1e9, links.inside.latency * 1e6, links.ranks_per_node,
        links.between.bandwidth / 1e9, links.between.latency * 1e6);
    print_levels(levels, on, step.tokens, options.tokens);
    Json result = step.json();
    result["refusal"] = plan.refusal.empty() ? Json(nullptr) : Json(plan.refusal);
    result["levels"] = levels_json(levels, step.tokens, options.tokens);
    return result;
}

template <class Model>
void report(const Options& options, const Model& model) {
    const Hardware on = hardware(options);
    const Index context = options.context > 0 ? options.context : model.context();
    Options own = options;  // of a rank: lanes that it works through, sequences that it has
    if (options.ranks > 1) {
        const RankPlan plan = plan_ranks(model.layout(), options.ranks_at(0, on));
        own.lanes = plan.lanes;
        own.micro_batch = std::min(options.micro_batch, plan.lane_sequences);
    }
    Counting device;
    const Step step(options, on, context, plan_step(device, model, own.micro_batch, context, own.run_lanes()));

    std::printf("%s %s: %ld parameters, %ld x %ld tokens a step, %d rank(s) on %s\n", Model::Config::family.data(),
                options.config.empty() ? options.preset.c_str() : options.config.c_str(), step.plan.parameters,
                options.step_batch(), context, options.ranks, options.device.c_str());
    std::printf("FLOPs a token  %10.4g G   products %.4g, attention %.4g%s\n",
                step.plan.operations_per_token() / 1e9, step.plan.products_per_token / 1e9,
                step.plan.attention_per_token / 1e9, options.recompute ? ", recomputation included" : "");
    Json result =
        options.ranks == 1 ? report_one(options, on, step) : report_ranks(options, on, model.layout(), step);
    std::printf("speed          %10.4g tokens/s a rank, at %.0f%% of %.4g TFLOP/s\n", step.rank_tokens,
                100 * on.utilization, on.peak / 1e12);
    if (options.ranks == 1) {
        std::printf("a step         %10.4g s\n", step.computation(1));
        if (options.tokens > 0) {
            result["days"] = options.tokens / step.rank_tokens / 86400;
            std::printf("%-14.4g %10.4g days\n", options.tokens, result["days"].get<double>());
        }
    }
    if (!options.out.empty()) write_json(options.out, result);
}

void run(const Options& options) {
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
