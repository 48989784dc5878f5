#pragma once

#include "checks.hpp"
#include "device_choice.hpp"
#include "launch.hpp"
#include "rank_memory.hpp"
#include "training_evaluation.hpp"

#include <lapidary/io/json.hpp>
#include <lapidary/models/training_recipe.hpp>
#include <lapidary/optim/learning_rate.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>

/// The command line of `pretrain`.
struct Options {
    std::filesystem::path run, data, init;
    std::string model = "amber", preset = "nano", schedule, moments = "full";
    lapidary::Index steps = 0, batch = 8, micro_batch = 0, lanes = 1, checkpoint_every = 0, stop_after = 0;
    int zero = 0;
    std::uint64_t seed = 11111;
    double peak = 3e-4, floor = -1, clip = 1.0, weight_decay = -1;
    lapidary::Index warmup = -1;
    std::string recompute;
    double memory = 0;
    bool background = false, separate_documents = false;
    lapidary::Index digest_every = 1;
    std::string on_bad_step = "stop";
    double spike_deviations = 0;
    TrainingEvaluationOptions evaluation;
    RankLaunch launch;
    DeviceChoice where;

    /// Sequences that a rank has in flight.
    [[nodiscard]] lapidary::Index sequences_at_once() const {
        const lapidary::Index lane = std::max<lapidary::Index>(1, batch / lanes);
        return micro_batch > 0 ? std::min(micro_batch, lane) : lane;
    }
    [[nodiscard]] std::string recompute_name() const {
        return !recompute.empty() ? recompute : where.on_gpu() ? "auto" : "nothing";
    }

    void add_to(CLI::App& app) {
        app.add_option("--run", run, "Directory of the run")->required();
        app.add_option("--data", data, "Prepared chunks [RUN/data]");
        app.add_option("--model", model, "Architecture: amber, crystalcoder, llama, mistral, neox, ...")
            ->capture_default_str();
        app.add_option("--preset", preset, "Size of that architecture: nano, tiny, s, m, 7b, ...")
            ->capture_default_str();
        app.add_option("--init", init, "Start from the weights of this Hugging Face directory");
        app.add_flag("--separate-documents", separate_documents,
                     "A token sees its own document of a window alone, and its position counts from there");
        app.add_option("--steps", steps, "Optimizer steps [one pass over the data]")->check(number_in(0));
        app.add_option("--batch", batch, "Sequences a step")->capture_default_str()->check(number_in(1));
        app.add_option("--micro-batch", micro_batch,
                       "Sequences in flight; changes memory, not results but on a GPU [a lane]")
            ->check(number_in(0));
        app.add_option("--lanes", lanes, "Power of two: how the batch is summed; part of the run")
            ->capture_default_str()
            ->check(number_in(1));
        launch.add_to(app);
        app.add_option("--zero", zero,
                       "What ranks keep only their shard of: 0 nothing, 1 moments, 2 and gradients, 3 and weights")
            ->check(CLI::Range(0, 3))
            ->capture_default_str();
        app.add_option("--seed", seed, "Seed of weights and order")->capture_default_str();
        app.add_option("--peak", peak, "Highest learning rate")->capture_default_str()->check(number_in(0));
        app.add_option("--floor", floor, "Last learning rate [a tenth of the highest]")->check(number_in(0));
        app.add_option("--warmup", warmup, "Steps to the highest learning rate [a twentieth of all]")
            ->check(number_in(0));
        app.add_option("--schedule", schedule, "How the rate falls [as the model was trained]")
            ->check(CLI::IsMember({"cosine", "linear", "constant"}));
        app.add_option("--clip", clip, "Limit of the gradient norm; 0: none")
            ->capture_default_str()
            ->check(number_in(0));
        app.add_option("--weight-decay", weight_decay, "Weight decay [as the model was trained]")
            ->check(number_in(0));
        app.add_option("--recompute", recompute,
                       "What is computed again instead of kept, each level with those before it: nothing, norms, "
                       "mlp, qkv, block; auto: the cheapest level that fits. Less memory, more time, same results "
                       "[nothing; on a GPU auto]")
            ->check(CLI::IsMember(recompute_choices()));
        app.add_option("--memory", memory,
                       "GB that a rank may take, for --recompute auto [its share of the machine]")
            ->check(positive());
        app.add_option("--checkpoint-every", checkpoint_every,
                       "Checkpoints every so many steps, besides one a chunk")
            ->check(number_in(0));
        app.add_flag("--save-in-background", background,
                     "Train on while a snapshot is written; memory for one more state");
        app.add_option("--stop-after", stop_after, "Save and stop after this many steps of this start")
            ->check(number_in(0));
        app.add_option("--digest-every", digest_every,
                       "Record a digest of the state after every so many steps, for `verify`; 0: never")
            ->check(number_in(0))
            ->capture_default_str();
        app.add_option(
               "--on-bad-step", on_bad_step,
               "When loss or gradient is not finite, or leaps: stop; skip the step; or rewind to the end of "
               "the last whole chunk and go on past the batches since then")
            ->check(CLI::IsMember({"stop", "skip", "rewind"}))
            ->capture_default_str();
        app.add_option("--spike-deviations", spike_deviations,
                       "A loss or gradient norm so many standard deviations above the last 128 steps' mean is bad "
                       "too; 0: only what is not finite")
            ->check(number_in(0, 1e9))
            ->capture_default_str();
        evaluation.add_to(app);
        where.add_to(app);
        app.add_option("--moments", moments,
                       "What a GPU keeps AdamW's moments in: full precision, or bf16 with stochastic rounding")
            ->check(CLI::IsMember({"full", "bf16"}))
            ->capture_default_str();
    }
};

/// The learning rate that they ask for.
inline lapidary::LearningRate learning_rate(const Options& options, const lapidary::TrainingRecipe& recipe,
                                            lapidary::Index steps) {
    const lapidary::LearningRate rate{
        options.schedule.empty() ? recipe.decay : lapidary::decay_named(options.schedule).value(), options.peak,
        options.floor >= 0 ? options.floor : options.peak / 10, options.warmup >= 0 ? options.warmup : steps / 20,
        steps};
    rate.check();
    return rate;
}
