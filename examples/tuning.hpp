#pragma once

#include "pinned_products.hpp"
#include "progress.hpp"
#include "stop_signals.hpp"
#include "tuning_model.hpp"
#include "tuning_options.hpp"

#include <lapidary/checkpoint/run_definition.hpp>
#include <lapidary/comm/agreement.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/io/run_lock.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/optim/any_optimizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

namespace fs = std::filesystem;

/// A model being tuned on one rank: begun, or continued from its last checkpoint. `model`: what of it is trained;
/// `task`: what it is trained towards (tuning_tasks.hpp); `run`: what the run is.
template <lapidary::Device D, class Task>
class Tuning {
public:
    Tuning(D& device, const TuningOptions& options, lapidary::AnyCommunicator& world,
           const lapidary::AnyModel<D>& model, const Task& task, const TuningRun& run)
        : device_(device), options_(options), world_(world), model_(model), task_(task), run_(run) {}

    /// Returns the program's exit code.
    int operator()() {
        using namespace lapidary;
        join();
        restore();
        const Index last = options_.stop_after > 0 ? state_->step + options_.stop_after : run_.rate.steps;
        bar_.emplace(run_.program, run_.rate.steps);
        bool asked = false, stop = false;
        while (state_->step < run_.rate.steps && !stop) {
            const bool epoch_ends = step();
            asked = any(device_, world_, StopSignals::requested(), "agreement on stopping");
            stop = asked || state_->step == last;
            const bool end = state_->step == run_.rate.steps;
            const bool due = options_.checkpoint_every > 0 && state_->step % options_.checkpoint_every == 0;
            const bool look = options_.evaluate_every > 0 && state_->step % options_.evaluate_every == 0;
            if (run_.held_out > 0 && (look || epoch_ends || end)) validate();
            if (epoch_ends || due || stop || end) save();
        }
        if (state_->step == run_.rate.steps && options_.merge && first()) merge();
        return asked && state_->step < run_.rate.steps ? stopped_by_signal : 0;
    }

private:
    [[nodiscard]] bool first() const { return world_.rank() == 0; }
    [[nodiscard]] fs::path checkpoints() const { return options_.out / "checkpoints"; }

    /// All ranks run the same run, and rank 0 takes its directory.
    void join() {
        using namespace lapidary;
        Json agreed = run_.definition;
        agreed.update({{"lapidary", version},
                       {"zero", options_.zero},
                       {"micro-batch", run_.micro_batch},
                       {"checkpoint-every", options_.checkpoint_every},
                       {"evaluate-every", options_.evaluate_every},
                       {"stop-after", options_.stop_after}});
        require_agreement(device_, world_, agreed);
        const Index sequences = run_.items_a_step * run_.sequences_an_item;  // before anything is written
        const LaneShare lanes(options_.lanes, sequences, world_.size(), world_.rank(), false, run_.program);
        if (lanes.sequences % run_.sequences_an_item != 0) {
            throw Error(ErrorCode::value, run_.program,
                        std::to_string(options_.lanes) + " lanes of " + std::to_string(lanes.sequences) +
                            " sequences: pairs must stay together");
        }
        if (first()) {
            lapidary::detail::create_directories_durably(checkpoints());
            lock_.emplace(options_.out);
            check_place();
            record_manifest(options_.out, run_.definition,
                            {{"lapidary", version}, {"compiler", compiler_name()}, {"data", run_.data}});
            remove_partial_checkpoints(checkpoints());
        }
        require_shared_directory(device_, world_, options_.out);
        pin_products(device_, options_.out / "products.json");
    }

    /// Throws Error(value) for a directory that holds what a run would write, but not of this one: it stays.
    void check_place() const {
        using namespace lapidary;
        const auto refuse = [&](const fs::path& file, const std::string& why) {
            throw Error(ErrorCode::value, run_.program, file.string() + ": " + why);
        };
        if (!fs::exists(options_.out / "manifest.json")) {
            for (const char* name : {"metrics.jsonl", "config.json", "data.json"}) {
                if (fs::exists(options_.out / name))
                    refuse(options_.out / name, "is not of a run; take another --out");
            }
            const fs::path latest = latest_checkpoint(checkpoints());
            if (!latest.empty())
                refuse(latest, "there is no manifest.json that says of which run; take another --out");
        }
        const fs::path merged = options_.out / "merged";
        if (options_.merge && fs::exists(merged) && !merged_from(latest_checkpoint(checkpoints()))) {
            refuse(merged, "is no model that this run merged; move it away");
        }
    }
    /// Whether OUT/merged was made of a checkpoint.
    [[nodiscard]] bool merged_from(const fs::path& checkpoint) const {
        const fs::path made = options_.out / "merged" / "state" / "state.json";
        return !checkpoint.empty() && fs::exists(made) &&
               lapidary::read_text(made) == lapidary::read_text(checkpoint / "state" / "state.json");
    }

    void restore() {
        using namespace lapidary;
        state_.emplace(
            device_, model_.layout(),
            Sharding{.ranks = world_.size(), .rank = world_.rank(), .zero = static_cast<Zero>(options_.zero)},
            run_.optimizer.moments());
        const fs::path latest = text_of_first(
            device_, world_, first() ? latest_checkpoint(checkpoints()).string() : "", {"start", 10});
        if (!latest.empty()) {
            read_checkpoint(device_, world_, model_, *state_, latest);
        } else if (options_.lora.rank > 0) {
            initialize(device_, model_, *state_, {.seed = options_.seed});
        } else {
            read_weights(device_, model_, options_.model, *state_);
        }
        if (!first()) return;
        metrics_.emplace(options_.out / "metrics.jsonl", state_->step);
        if (!latest.empty()) std::printf("resuming at step %ld from %s\n", state_->step, latest.c_str());
        std::printf("%ld of %ld parameters are trained, %ld steps of %ld %s, %d rank(s) of %s\n",
                    model_.layout().parameter_count(),
                    run_.parameters + (options_.lora.rank > 0 ? model_.layout().parameter_count() : 0),
                    run_.rate.steps, run_.items_a_step, run_.items.c_str(), world_.size(),
                    device_name(device_).c_str());
        std::fflush(stdout);
    }

    /// Whether it ended an epoch.
    bool step() {
        using namespace lapidary;
        const Batch batch = task_.batch(state_->step);
        const auto record =
            task_.step(device_, world_, model_, *state_, batch, run_.optimizer, run_.rate(state_->step),
                       {.micro_batch = run_.micro_batch, .lanes = options_.lanes, .clip_norm = run_.clip});
        loss_ = record.loss;
        if (first()) {
            *metrics_ << record;
            char note[96];
            std::snprintf(note, sizeof note, "loss %.3f", record.loss);
            bar_->update(record.step + 1, note + Task::note(record));
        }
        return record.chunk_finished;
    }

    void say(const std::string& text) {
        bar_->finish();
        std::printf("%s\n", text.c_str());
        std::fflush(stdout);
    }

    void validate() {
        using namespace lapidary;
        auto [line, text] = task_.validate(device_, world_, model_, *state_,
                                           std::max<Index>(run_.items_a_step, Index{world_.size()}));
        if (!first()) return;
        line["step"] = state_->step - 1;
        metrics_->write(line);
        say("step " + std::to_string(state_->step) + ": " + text);
    }

    void save() {
        using namespace lapidary;
        if (first()) {
            metrics_->sync();  // a checkpoint stands for the steps before it, and so must the log
            recorded_ = record_products(device_, options_.out / "products.json", recorded_);
        }
        char name[32];
        std::snprintf(name, sizeof name, "step_%08ld", state_->step);
        save_checkpoint(device_, world_, model_, *state_, checkpoints() / name,
                        {.tokenizer = run_.tokenizer, .cursor = {{"template", run_.form}}});
        char loss[32];
        std::snprintf(loss, sizeof loss, "%.4f", loss_);
        if (first()) say((checkpoints() / name).string() + ": loss " + loss);
    }

    /// The adapters of the last checkpoint, merged into the model that they are for.
    void merge() {
        using namespace lapidary;
        const fs::path target = options_.out / "merged", latest = latest_checkpoint(checkpoints());
        if (merged_from(latest)) return verify_checksums(target);  // a run that had ended was started again
        StagedDirectory staged(target);
        write_merged(options_.model, latest, staged.path());
        lapidary::detail::create_directories_durably(staged.path() / "state");
        write_file_durably(staged.path() / "state" / "state.json", read_text(latest / "state" / "state.json"));
        if (!run_.tokenizer.empty()) lapidary::detail::copy_tokenizer(run_.tokenizer, staged.path());
        write_checksums(staged.path());
        staged.publish();
        say(target.string() + ": the model with its adapters merged");
    }

    D& device_;
    const TuningOptions& options_;
    lapidary::AnyCommunicator& world_;
    const lapidary::AnyModel<D>& model_;
    const Task& task_;
    const TuningRun& run_;
    std::optional<lapidary::RunLock> lock_;
    std::optional<lapidary::JsonLines> metrics_;
    std::optional<lapidary::TrainState<D>> state_;
    std::optional<Progress> bar_;
    double loss_ = 0;
    std::size_t recorded_ = 0;
};
