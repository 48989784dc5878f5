// report: the files of a run -> one page that shows all of it; samples of its checkpoints; events for TensorBoard.

#include "checks.hpp"
#include "device_choice.hpp"
#include "progress.hpp"
#include "skipped.hpp"

#include <lapidary/analysis/checkpoint_samples.hpp>
#include <lapidary/analysis/report_page.hpp>
#include <lapidary/analysis/run_events.hpp>
#include <lapidary/analysis/run_report.hpp>
#include <lapidary/io/file.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

#ifndef LAPIDARY_CHARTS_JS  // where CMake found Chart.js
#define LAPIDARY_CHARTS_JS ""
#endif

struct Options {
    fs::path run, out, data, charts = LAPIDARY_CHARTS_JS;
    std::optional<std::string> tensorboard;
    SamplePlan samples;
    Index points = 2000;
    DeviceChoice where;

    void add_to(CLI::App& app) {
        app.add_option("--run", run, "Directory of the run")->required();
        app.add_option("--out", out, "Page to write [RUN/report.html]");
        app.add_option("--data", data, "Prepared data of the run [RUN/data]");
        app.add_option("--points", points, "Points of a curve at most; longer logs are thinned")
            ->check(number_in(2))
            ->capture_default_str();
        app.add_option("--charts", charts, "Chart.js, which draws the charts: chart.min.js, version 3 or 4")
            ->capture_default_str();
        app.add_option("--tensorboard", tensorboard, "Write events for TensorBoard too [RUN/analysis/tensorboard]")
            ->expected(0, 1);
        app.add_option_function<std::string>(
               "--prompt", [this](const std::string& text) { samples.prompts.push_back(text); },
               "Let every checkpoint continue this text; may be given several times. Kept in "
               "RUN/analysis/samples.json, where only new checkpoints cost time")
            ->trigger_on_parse();
        app.add_option("--max-tokens", samples.max_tokens, "Of a sample")
            ->check(number_in(1))
            ->capture_default_str();
        app.add_option("--temperature", samples.sampling.temperature, "Of samples; 0: always the likeliest token")
            ->check(number_in(0))
            ->capture_default_str();
        app.add_option("--top-k", samples.sampling.top_k, "Only this many likeliest tokens; 0: all")
            ->check(number_in(0))
            ->capture_default_str();
        app.add_option("--top-p", samples.sampling.top_p, "Only the likeliest that reach this probability")
            ->check(CLI::Range(0.0, 1.0))
            ->capture_default_str();
        app.add_option("--seed", samples.sampling.seed, "Seed of samples")->capture_default_str();
        where.add_to(app);
    }
};

void sample(const Options& options) {
    options.where.visit([&](auto& device) {
        std::optional<Progress> shown;
        const Json samples = update_samples(device, options.run, options.samples, [&](Index done, Index all) {
            if (!shown) shown.emplace("sample", all);
            shown->update(done);
        });
        shown.reset();
        warn_of_skipped("report", samples["skipped"]);
    });
}

void run(Options& options) {
    if (options.out.empty()) options.out = options.run / "report.html";
    if (options.data.empty()) options.data = options.run / "data";
    const ChartLibrary charts = read_chart_library(options.charts);  // before minutes are spent on samples
    if (!options.samples.prompts.empty()) sample(options);
    const Json report = run_report(options.run, options.data, options.points);
    const std::string page = report_page(report, charts);
    write_file_durably(options.out, page);
    std::printf("%s: %.0f kB, of which %.0f kB draw charts\n", options.out.c_str(),
                static_cast<double>(page.size()) / 1e3, static_cast<double>(charts.script.size()) / 1e3);
    for (const auto& [name, section] : report.items()) {
        if (section.is_object() && section.contains("missing")) {
            std::printf("%s: %s\n", name.c_str(), section["missing"].get<std::string>().c_str());
        }
    }
    if (!options.tensorboard) return;
    const fs::path directory =
        options.tensorboard->empty() ? options.run / "analysis" / "tensorboard" : fs::path(*options.tensorboard);
    std::printf("%s: for tensorboard --logdir %s\n", write_run_events(options.run, directory).c_str(),
                directory.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Shows a run in one page: training, scores, memorization, data, samples, and what proves it."};
    Options options;
    options.add_to(app);
    try {
        app.parse(argc, argv);
        run(options);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "report: " << error.what() << "\n";
        return 1;
    }
}
