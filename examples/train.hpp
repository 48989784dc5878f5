#pragma once

#include "bad_step.hpp"
#include "launch.hpp"
#include "pinned_products.hpp"
#include "progress.hpp"
#include "run_keeper.hpp"
#include "stop_signals.hpp"
#include "training_evaluation.hpp"

#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/comm/agreement.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/train/run_step.hpp>
#include <lapidary/train/state_digest.hpp>
#include <lapidary/train/step_guard.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>

constexpr int stopped_by_signal = 75;  // as EX_TEMPFAIL: start it again to go on

/// A run on one rank.
template <lapidary::Device D, class Model>
class Training {
public:
    Training(D& device, const Options& options, lapidary::AnyCommunicator& world,
             const lapidary::TokenChunks& chunks, const Model& model)
        : device_(device),
          options_(options),
          world_(world),
          chunks_(chunks),
          model_(model),
          evaluation_(options.evaluation, options.data, chunks.context()) {
        run_ = {definition_of(options, model, options.steps > 0 ? options.steps : chunks.steps_per_epoch()), {}};
    }

    /// Begins the run, or goes on from the last checkpoint. Returns the program's exit code.
    int operator()() {
        using namespace lapidary;
        join();
        make_state();
        const fs::path latest = latest_for_all();
        restore(latest);
        if (first()) {
            if (!latest.empty()) std::printf("resuming at step %ld from %s\n", state_->step, latest.c_str());
            std::printf("%ld parameters, %ld steps of %ld x %ld tokens, %d rank(s) of %s\n",
                        model_.layout().parameter_count(), run_.steps, run_.batch, chunks_.context(),
                        world_.size(), device_name(device_).c_str());
            std::fflush(stdout);
        }
        const Index last = options_.stop_after > 0 ? state_->step + options_.stop_after : run_.steps;
        Progress bar("train", first() ? run_.steps : 0);
        bar_ = &bar;
        bool asked = false, stop = false;
        while (state_->step < run_.steps && !stop) {
            const StepRecord record = step();
            if (record.step + 1 != state_->step)
                continue;  // the run went back: nothing is to be kept of this step
            if (!saver_.poll(device_, world_)) report();
            // A signal may have reached some ranks only, and they must stop at one step.
            asked = any(device_, world_, StopSignals::requested(), "agreement on stopping");
            stop = asked || state_->step == last;
            const bool end = state_->step == run_.steps;
            if (evaluation_.due(state_->step, end)) evaluate();
            const bool due = options_.checkpoint_every > 0 && state_->step % options_.checkpoint_every == 0;
            if (record.chunk_finished || due || stop || end) save(record, stop);
        }
        saver_.finish(device_, world_);
        report();
        return asked && state_->step < run_.steps ? stopped_by_signal : 0;
    }

private:
    [[nodiscard]] bool first() const { return world_.rank() == 0; }

    /// All ranks run the same run, and rank 0 takes its directory.
    void join() {
        using namespace lapidary;
        const Json definition = to_json(static_cast<const RunDefinition&>(run_));
        Json agreed = definition;
        agreed.update({{"lapidary", version},
                       {"zero", options_.zero},
                       {"micro-batch", options_.micro_batch},
                       {"checkpoint-every", options_.checkpoint_every},
                       {"stop-after", options_.stop_after},
                       {"recompute", options_.recompute_name()},
                       {"digest-every", options_.digest_every},
                       {"on-bad-step", options_.on_bad_step},
                       {"spike-deviations", options_.spike_deviations},
                       {"evaluate-every", options_.evaluation.every},
                       {"evaluation", options_.evaluation.asked_json()},
                       {"background", options_.background}});
        require_agreement(device_, world_, agreed);
        (void)LaneShare(options_.lanes, options_.batch, world_.size(), world_.rank(),
                        false);  // before anything is written
        if (first()) fs::create_directories(options_.run / "checkpoints");
        if (first()) keeper_.emplace(options_, definition);
        require_shared_directory(device_, world_, options_.run);
        pin_products(device_, options_.run / "products.json");
        const std::string where = (options_.run / "manifest.json").string();
        run_.decisions =
            decisions_in(Json::parse(of_first(first() ? read_manifest(options_.run).dump() : "")), where);
    }

    void make_state() {
        using namespace lapidary;
        state_.emplace(
            device_, model_.layout(),
            Sharding{.ranks = world_.size(), .rank = world_.rank(), .zero = static_cast<Zero>(options_.zero)},
            options_.moments == "bf16" ? Moments::bf16 : Moments::full);
    }

    std::string of_first(const std::string& text) {
        return lapidary::text_of_first(device_, world_, text, {"start", 10});
    }
    fs::path latest_for_all() {
        if (first()) lapidary::set_aside_checkpoints(options_.run, run_.decisions);
        return of_first(first() ? lapidary::latest_checkpoint(options_.run / "checkpoints").string() : "");
    }

    /// Puts state, logs and guard where a checkpoint is; empty: at the beginning.
    void restore(const fs::path& checkpoint) {
        using namespace lapidary;
        if (!checkpoint.empty()) {
            read_checkpoint(device_, world_, model_, *state_, checkpoint);
        } else {
            if (state_->step > 0) make_state();
            if (options_.init.empty()) {
                initialize(device_, model_, *state_, {.seed = options_.seed});
            } else {
                read_weights(device_, model_, options_.init, *state_);
            }
        }
        Json seen = Json::array();  // the last steps, for the guard
        if (first()) {
            keeper_->open_logs(options_, state_->step);
            evaluation_.open(options_.run, state_->step + 1);  // it is asked before a checkpoint is saved
            if (options_.spike_deviations > 0) seen = last_steps();
        }
        digested_ = -1;
        guard_ = StepGuard(options_.spike_deviations);
        for (const Json& one : Json::parse(of_first(seen.dump()))) guard_.observe(one[0], one[1]);
    }
    [[nodiscard]] lapidary::Json last_steps() const {
        using namespace lapidary;
        std::deque<Json> steps;
        each_logged_line(options_.run / "metrics.jsonl", [&](const Json& line, const std::string&) {
            if (!line.contains("gradient_norm") || line.contains("applied")) return;
            steps.push_back({line["loss"], line["gradient_norm"]});
            if (steps.size() > StepGuard::window) steps.pop_front();
        });
        return steps;
    }

    /// The next step, and what is recorded of it.
    lapidary::StepRecord step() {
        using namespace lapidary;
        std::string fault;
        const StepRecord record = run_step(device_, world_, model_, *state_, chunks_, run_, options_.micro_batch,
                                           [&](const StepRecord& made) {
                                               fault = guard_.fault(made);
                                               return fault.empty();
                                           });
        if (first()) {
            *keeper_->metrics << record;
            char note[96];
            std::snprintf(note, sizeof note, "loss %.3f | %.0f tokens/s", record.loss, record.tokens_per_second());
            bar_->update(record.step + 1, note);
        }
        if (!fault.empty()) {
            decide(record, fault);
        } else if (record.applied) {
            guard_.observe(record.loss, record.gradient_norm);
        }
        if (record.step + 1 != state_->step) return record;  // it went back
        digest(options_.digest_every > 0 && state_->step % options_.digest_every == 0);
        return record;
    }

    /// Records what the state is, if that is due.
    void digest(bool due) {
        using namespace lapidary;
        if (!due || digested_ == state_->step) return;
        digested_ = state_->step;
        const std::vector<std::uint64_t> leaves = state_digest(device_, world_, model_.layout(), *state_);
        if (first()) keeper_->digests->add(state_->step - 1, leaves);
    }

    /// A step was bad, and the weights are as they were: what now.
    void decide(const lapidary::StepRecord& record, const std::string& fault) {
        using namespace lapidary;
        Decision decision{record.step, fault, options_.on_bad_step == "rewind"};
        decision.loss = record.loss;
        decision.gradient_norm = record.gradient_norm;
        const Index batch = run_.decisions.batch_of(record.step);
        const std::string directory = bad_step_directory(options_.run, record.step).string();
        fs::path checkpoint;
        if (decision.rewound) {
            saver_.finish(device_, world_);
            report();
            checkpoint = of_first(first() ? rewind_target(options_.run).string() : "");
            decision.back_to = checkpoint.empty() ? 0 : checkpoint_step(checkpoint).value();
            decision.next_batch = batch + 1;
        }
        write_bad_step(device_, world_, model_, *state_, chunks_, decision, batch, options_.sequences_at_once(),
                       options_.on_bad_step, options_.run);
        const std::string what =
            "step " + std::to_string(record.step) + ": " + fault + "; its batch and documents are in " + directory;
        if (options_.on_bad_step == "stop") {
            throw Error(
                ErrorCode::not_finite, "pretrain",
                what +
                    ". The weights are as they were. --on-bad-step skip leaves such steps out, rewind goes "
                    "back to the last whole chunk and past the batches since then");
        }
        constexpr Index most = 10;
        const bool again = decision.rewound ? run_.decisions.rewindings_to(decision.back_to) >= most
                                            : run_.decisions.skips_before(record.step) >= most;
        if (again) {
            throw Error(ErrorCode::not_finite, "pretrain",
                        what + ". That happened " + std::to_string(most) +
                            (decision.rewound ? " times since the same chunk" : " times in a row") +
                            ": it is not the batch");
        }
        if (first()) {
            bar_->finish();
            std::printf("%s: %s\n", what.c_str(),
                        decision.rewound ? "going back to the last whole chunk" : "left out");
            std::fflush(stdout);
            keeper_->metrics->sync();
            record_decision(options_.run, decision);
        }
        run_.decisions.add(decision);
        if (!decision.rewound) return;
        if (first()) set_aside_checkpoints(options_.run, run_.decisions);
        restore(checkpoint);
    }

    void evaluate() {
        const std::string text = evaluation_.run(device_, world_, model_, *state_);
        if (!first()) return;
        bar_->finish();
        std::printf("step %ld: %s\n", state_->step, text.c_str());
        std::fflush(stdout);
    }

    void save(const lapidary::StepRecord& record, bool stop) {
        using namespace lapidary;
        const double loss = validation_loss(device_, world_, model_, *state_, chunks_, options_.batch,
                                            options_.sequences_at_once());
        digest(options_.digest_every > 0);
        if (first()) {
            if (chunks_.validation_windows() > 0) {
                keeper_->metrics->write({{"step", record.step}, {"validation_loss", loss}});
            }
            keeper_->sync();  // a checkpoint stands for the steps before it, and so must the logs
            recorded_ = record_products(device_, options_.run / "products.json", recorded_);
        }
        fs::path tokenizer = options_.data / "tokenizer.model";
        if (!fs::exists(tokenizer)) tokenizer = options_.data / "tokenizer.json";
        const std::string name = checkpoint_name(record, run_.decisions.batch_of(record.step), chunks_);
        saver_.finish(device_, world_);
        report();
        saver_.start(device_, world_, model_, *state_, options_.run / "checkpoints" / name,
                     {.tokenizer = fs::exists(tokenizer) ? tokenizer : fs::path(),
                      .cursor = checkpoint_cursor(run_.decisions, state_->step)});
        char line[160];
        std::snprintf(line, sizeof line, "%s: step %ld, loss %.4f, validation loss %.4f", name.c_str(),
                      state_->step, record.loss, loss);
        saved_ = line;
        if (!options_.background || stop) saver_.finish(device_, world_), report();
    }

    /// Says that the checkpoint under way is complete.
    void report() {
        if (!first() || saved_.empty()) return;
        bar_->finish();
        std::printf("%s\n", saved_.c_str());
        std::fflush(stdout);
        saved_.clear();
    }

    D& device_;
    const Options& options_;
    lapidary::AnyCommunicator& world_;
    const lapidary::TokenChunks& chunks_;
    const Model& model_;
    TrainingEvaluation evaluation_;
    lapidary::RunRecord run_;
    lapidary::StepGuard guard_;
    std::optional<Keeper> keeper_;
    std::optional<lapidary::TrainState<D>> state_;
    lapidary::CheckpointSaver<D> saver_;
    Progress* bar_ = nullptr;
    std::string saved_;
    std::size_t recorded_ = 0;
    lapidary::Index digested_ = -1;
};
