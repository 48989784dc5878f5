#pragma once

#include "checks.hpp"
#include "device_choice.hpp"
#include "launch.hpp"
#include "rank_memory.hpp"

#include <lapidary/data/preference_records.hpp>
#include <lapidary/models/adapters.hpp>
#include <lapidary/text/chat_templates.hpp>
#include <lapidary/train/tuning_recipe.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

constexpr int stopped_by_signal = 75;  // as EX_TEMPFAIL: start it again to go on

/// The command line that `finetune` and `align` share.
struct TuningOptions {
    std::filesystem::path model, out;
    std::vector<std::string> data;
    std::string recipe, form, recompute = "nothing", prefer = "only-safe";
    bool skip_bad = false, merge = false;
    lapidary::Index context = 0, epochs = 0, batch = 0, micro_batch = 0, lanes = 1, warmup = -1;
    lapidary::Index held_out = 0, evaluate_every = 0, checkpoint_every = 0, stop_after = 0;
    double peak = -1, floor = -1, clip = -1, weight_decay = -1;
    std::uint64_t seed = 42;
    int zero = 0;
    lapidary::LoraOptions lora{.rank = 0};
    RankLaunch launch;
    DeviceChoice where;

    /// `items`: what a step takes, for people; `recipes`: those of the program; `form_of`: whose template is
    /// taken.
    void add_to(CLI::App& app, const std::string& items, const std::vector<std::string>& recipes,
                const std::string& form_of = "the recipe's") {
        app.add_option("--model", model, "Hugging Face directory to start from, with its tokenizer")->required();
        app.add_option("--data", data, "Files, or patterns: a JSON array or JSON Lines, .gz and .zst too")
            ->required();
        app.add_option("--out", out, "Directory of the run: checkpoints, manifest, metrics")->required();
        app.add_option("--recipe", recipe, "As whom to train; the options below change single numbers of it")
            ->check(CLI::IsMember(recipes))
            ->capture_default_str();
        app.add_option("--template", form,
                       "How turns become a text: " + lapidary::chat_template_names() + " [" + form_of + "]");
        app.add_flag("--skip-bad", skip_bad, "Leave records with a fault out and count them, rather than stop");
        app.add_option("--context", context,
                       "Tokens of a window, at most the model's [the recipe's, if the model's is not shorter]")
            ->check(number_in(1));
        app.add_option("--epochs", epochs, "Times that the data are gone through [the recipe's]")
            ->check(number_in(1));
        app.add_option("--batch", batch, items + " a step [the recipe's]")->check(number_in(1));
        app.add_option("--micro-batch", micro_batch,
                       items + " in flight; changes memory, not results but on a GPU [1]")
            ->check(number_in(1));
        app.add_option("--lanes", lanes, "Power of two: how the batch is summed; part of the run")
            ->capture_default_str()
            ->check(number_in(1));
        app.add_option("--peak", peak, "Highest learning rate [the recipe's]")->check(number_in(0));
        app.add_option("--floor", floor, "Last learning rate [the recipe's]")->check(number_in(0));
        app.add_option("--warmup", warmup, "Steps to the highest learning rate [the recipe's]")
            ->check(number_in(0));
        app.add_option("--clip", clip, "Limit of the gradient norm; 0: none [the recipe's]")->check(number_in(0));
        app.add_option("--weight-decay", weight_decay, "Weight decay [the recipe's]")->check(number_in(0));
        app.add_option("--seed", seed, "Of the order, of what is held out, and of new adapters")
            ->capture_default_str();
        app.add_option("--lora-rank", lora.rank,
                       "Train adapters of this rank alone, over frozen weights (LoRA); 0: all weights")
            ->capture_default_str()
            ->check(number_in(0, 65536));
        app.add_option("--lora-alpha", lora.alpha, "Their products count alpha / rank")
            ->capture_default_str()
            ->check(positive());
        app.add_option(
               "--lora-targets", lora.targets,
               "Their modules, by the ends of their names, with commas: q_proj,v_proj [every matrix of the "
               "blocks]")
            ->delimiter(',');
        app.add_flag("--merge", merge, "At the end, also write OUT/merged: the model with its adapters merged");
        app.add_option("--hold-out", held_out, items + " that are not trained on, to see what was learned")
            ->check(number_in(0));
        app.add_option("--evaluate-every", evaluate_every,
                       "Look at these every so many steps, besides once an epoch")
            ->check(number_in(0));
        app.add_option("--checkpoint-every", checkpoint_every,
                       "Checkpoints every so many steps, besides one an epoch")
            ->check(number_in(0));
        app.add_option("--stop-after", stop_after, "Save and stop after this many steps of this start")
            ->check(number_in(0));
        app.add_option("--recompute", recompute,
                       "What is computed again instead of kept: nothing, norms, mlp, qkv, block")
            ->check(CLI::IsMember(
                std::vector<std::string>(lapidary::recompute_names.begin(), lapidary::recompute_names.end())))
            ->capture_default_str();
        app.add_option("--zero", zero,
                       "What ranks keep only their shard of: 0 nothing, 1 moments, 2 and gradients, 3 and weights")
            ->check(CLI::Range(0, 3))
            ->capture_default_str();
        launch.add_to(app);
        where.add_to(app);
    }

    /// Throws Error(value) if more tokens are asked for than a model's context has.
    void check_context(lapidary::Index most) const {
        if (context <= most) return;
        throw lapidary::Error(lapidary::ErrorCode::value, "model",
                              model.string() + ": its context is " + std::to_string(most) + ", --context " +
                                  std::to_string(context));
    }
    /// For programs that read preferences.
    CLI::Option* add_prefer(CLI::App& app) {
        return app
            .add_option("--prefer", prefer,
                        "Which answer of PKU-SafeRLHF's rows: the one that is safe, where exactly one is; safer; "
                        "better")
            ->check(CLI::IsMember({"only-safe", "safer", "better"}))
            ->capture_default_str();
    }
    [[nodiscard]] lapidary::PreferenceRules preference_rules() const {
        using lapidary::PreferredReply;
        return {.preferred = prefer == "safer"    ? PreferredReply::safer
                             : prefer == "better" ? PreferredReply::better
                                                  : PreferredReply::only_safe_one};
    }

    /// The recipe with what was asked for otherwise.
    [[nodiscard]] lapidary::TuningRecipe changed(lapidary::TuningRecipe wanted) const {
        if (!form.empty()) wanted.form = form;
        if (context > 0) {
            wanted.context = context;
            if (wanted.split) wanted.split->max_tokens = context;
            if (wanted.reply) wanted.reply->max_tokens = context, wanted.reply->max_prompt = context / 2;
        }
        if (epochs > 0) wanted.epochs = epochs;
        if (batch > 0) wanted.batch = batch;
        if (peak >= 0) wanted.floor = wanted.peak > 0 ? wanted.floor * peak / wanted.peak : 0, wanted.peak = peak;
        if (floor >= 0) wanted.floor = floor;
        if (warmup >= 0) wanted.warmup_steps = warmup, wanted.warmup_ratio = 0;
        if (clip >= 0) wanted.clip = clip;
        if (weight_decay >= 0) wanted.optimizer = wanted.optimizer.with_weight_decay(weight_decay);
        return wanted;
    }
    [[nodiscard]] lapidary::Recompute level() const {
        for (const lapidary::Recompute each : lapidary::recompute_levels) {
            if (name_of(each) == recompute) return each;
        }
        return lapidary::Recompute::nothing;
    }
};

/// What a run is, besides its data: the same on all ranks.
struct TuningRun {
    std::string program, items;  ///< its name; what a step takes, for people
    lapidary::Json definition, data;
    lapidary::AnyOptimizer optimizer = lapidary::AdamW{};
    lapidary::LearningRate rate;
    double clip = 1;
    std::string form;  ///< of the template
    std::filesystem::path tokenizer;
    lapidary::Index parameters = 0;  ///< of the model
    lapidary::Index items_a_step = 1, sequences_an_item = 1, held_out = 0;
    /// Sequences that a rank has in flight.
    lapidary::Index micro_batch = 1;
};
