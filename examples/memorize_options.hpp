#pragma once

#include "checks.hpp"
#include "device_choice.hpp"

#include <lapidary/analysis/evenly_spaced.hpp>
#include <lapidary/analysis/memorization_sample.hpp>
#include <lapidary/eval/checkpoint_list.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

/// What `memorize` is told.
struct MemorizeOptions {
    std::filesystem::path model, run, data, out;
    std::vector<lapidary::Index> chunks;
    std::vector<std::string> checkpoints{"10"};
    lapidary::MemorizationSampleOptions sample;
    lapidary::Index batch = 256, show = 20;
    bool stop_at_eos = false, skip_hashes = false;
    DeviceChoice where;

    void add_to(CLI::App& app) {
        CLI::Option* one = app.add_option("--model", model, "Hugging Face directory, measured on --data");
        app.add_option("--run", run, "A run: checkpoints below its folder `checkpoints`")->excludes(one);
        app.add_option("--data", data, "Prepared chunks [RUN/data]");
        app.add_option("--chunks", chunks, "Chunks to draw from, with commas [10, evenly spaced]")->delimiter(',');
        app.add_option("--checkpoints", checkpoints,
                       "How many of the run's, evenly spaced, the last among them; or names, with commas")
            ->delimiter(',')
            ->capture_default_str();
        const auto count = [&](const char* name, lapidary::Index& value, const char* what) {
            app.add_option(name, value, what)->check(number_in(1, 1e9))->capture_default_str();
        };
        count("--sequences", sample.sequences, "Sequences of a chunk; all, if there are fewer");
        count("--prefix", sample.prefix, "Tokens of a sequence that the model is given");
        count("--continuation", sample.continuation, "Tokens after them that it should know");
        count("--batch", batch, "Sequences under way at once: memory; on a CPU never a bit");
        app.add_option("--seed", sample.seed, "Draws the sequences")->capture_default_str();
        app.add_flag("--stop-at-eos", stop_at_eos,
                     "Nothing counts behind an end of document that was written, as in LLM360's own program");
        count("--show", show, "Sequences to name, those that the last checkpoint knows best");
        app.add_flag("--skip-hashes", skip_hashes, "Do not compare the data with their hashes, which reads all");
        where.add_to(app);
        app.add_option("--out", out,
                       "JSON file to write; tensors go beside it [RUN/analysis/memorization.json, or none]");
    }

    /// The chunks to draw from, of so many.
    [[nodiscard]] std::vector<lapidary::Index> chosen_chunks(lapidary::Index count) const {
        return chunks.empty() ? lapidary::evenly_spaced(count, 10) : chunks;
    }

    /// The checkpoints to measure, and those that lack something. Throws Error(value) for names that are not
    /// there, and for a number of checkpoints that is none.
    [[nodiscard]] std::vector<lapidary::ListedCheckpoint> chosen_checkpoints() const {
        using namespace lapidary;
        const std::vector<ListedCheckpoint> all = list_checkpoints(run / "checkpoints");
        std::vector<ListedCheckpoint> chosen;
        if (checkpoints.size() == 1 && checkpoints[0].find_first_not_of("0123456789") == std::string::npos) {
            const Index wanted = checkpoints[0].size() < 10 ? std::stoll("0" + checkpoints[0]) : 0;
            if (wanted < 1) {
                throw Error(ErrorCode::value, "memorize", "--checkpoints " + checkpoints[0] + " chooses none");
            }
            std::vector<ListedCheckpoint> whole;
            for (const auto& one : all) (one.problem.empty() ? whole : chosen).push_back(one);
            for (const Index i : evenly_spaced(std::ssize(whole), wanted)) {
                chosen.push_back(whole[static_cast<std::size_t>(i)]);
            }
            return chosen;
        }
        for (const auto& one : all) {
            const std::string name = one.directory.filename().string();
            if (std::find(checkpoints.begin(), checkpoints.end(), name) != checkpoints.end())
                chosen.push_back(one);
        }
        for (const std::string& name : checkpoints) {
            const auto is = [&](const auto& one) { return one.directory.filename() == name; };
            if (std::none_of(chosen.begin(), chosen.end(), is)) {
                throw Error(ErrorCode::value, "memorize",
                            "there is no checkpoint '" + name + "' in " + (run / "checkpoints").string());
            }
        }
        return chosen;
    }
};
