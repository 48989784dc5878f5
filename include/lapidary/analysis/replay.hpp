#pragma once

#include <lapidary/analysis/finding.hpp>
#include <lapidary/analysis/run_evidence.hpp>
#include <lapidary/checkpoint/read_checkpoint.hpp>
#include <lapidary/train/run_step.hpp>
#include <lapidary/train/state_digest.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// What is replayed.
struct ReplayOptions {
    Index from = 0, to = 0;        ///< steps [from, to); `from`: 0 or that of a checkpoint
    Index micro_batch = 0;         ///< sequences in flight; on a GPU that of the run
    std::filesystem::path init{};  ///< the weights that the run started from, if it did
    std::function<void(Index)> progress{};
};

namespace detail {

inline std::string step_text(Index step) { return "step " + std::to_string(step); }

/// One replay: the state as it goes, and what it is compared with.
template <Device D, Communicator World, class Model>
class Replay {
public:
    Replay(D& device, World& world, const Model& model, TrainState<D>& state, const RunEvidence& evidence,
           Finding& finding)
        : device_(device), world_(world), model_(model), state_(state), evidence_(evidence), finding_(finding) {}

    /// Puts the state where the replay starts.
    void start(const ReplayOptions& options) {
        const CheckpointRecord* checkpoint = checkpoint_at(options.from);
        if (checkpoint != nullptr) {
            read(*checkpoint);
            compare_digests(options.from - 1, checkpoint->directory.filename().string() + ": ");
        } else if (options.from > 0) {
            throw Error(ErrorCode::value, "verify",
                        "there is no checkpoint at step " + std::to_string(options.from) + " to replay from");
        } else if (evidence_.run.init.empty()) {
            initialize(device_, model_, state_, {.seed = evidence_.run.seed});
        } else {
            read_weights(device_, model_, options.init, state_);
        }
    }

    /// Does the next step, and compares what there is to compare.
    void step(const TokenChunks& chunks, Index micro_batch) {
        const Index step = state_.step;
        const StepRecord record = run_step(device_, world_, model_, state_, chunks, evidence_.run, micro_batch,
                                           [](const StepRecord&) { return true; });
        if (!compare_decision(record)) return;
        if (!compare_metrics(record)) return;
        if (!compare_digests(step, "")) return;
        for (const CheckpointRecord& checkpoint : evidence_.checkpoints) {
            if (checkpoint.step == step + 1 && !compare_checkpoint(checkpoint)) return;
        }
    }

private:
    bool fail(Index step, std::string leaf, std::string text) {
        finding_.passed = false;
        finding_.step = step;
        finding_.leaf = std::move(leaf);
        finding_.text = std::move(text);
        return false;
    }

    [[nodiscard]] const CheckpointRecord* checkpoint_at(Index step) const {
        const auto found = std::find_if(evidence_.checkpoints.begin(), evidence_.checkpoints.end(),
                                        [&](const CheckpointRecord& one) { return one.step == step; });
        return found == evidence_.checkpoints.end() ? nullptr : &*found;
    }
    void read(const CheckpointRecord& checkpoint) {
        verify_checksums(checkpoint.directory, 0, 1);  // all ranks all of it, so that all agree
        static_cast<void>(read_checkpoint(device_, world_, model_, state_, checkpoint.directory));
    }

    bool compare_decision(const StepRecord& record) {
        const Decision* skip = evidence_.run.decisions.skip_of(record.step);
        if (skip == nullptr) {
            if (record.applied) return true;
            return fail(
                record.step, "",
                step_text(record.step) + ": loss or gradient is not finite, and the run has not left it out");
        }
        const auto same = [](double a, double b) { return a == b || (a != a && b != b); };
        if (same(skip->loss, record.loss) && same(skip->gradient_norm, record.gradient_norm)) return true;
        return fail(record.step, "",
                    step_text(record.step) + ": the run left it out for a loss of " + number(skip->loss) +
                        " and a gradient norm of " + number(skip->gradient_norm) + ", the replay has " +
                        number(record.loss) + " and " + number(record.gradient_norm));
    }

    bool compare_metrics(const StepRecord& record) {
        const auto recorded = evidence_.metrics.find(record.step);
        if (recorded == evidence_.metrics.end()) return true;
        ++finding_.records;
        const Json replayed = Json::parse(without_times(to_json(record)).dump());  // as one that was read
        for (const auto& [key, was] : recorded->second.items()) {  // older runs may have recorded less
            const Json is = replayed.value(key, Json());
            if (was != is) {
                return fail(record.step, "",
                            step_text(record.step) + ": '" + key + "' is recorded as " + was.dump() +
                                ", the replay has " + is.dump());
            }
        }
        return true;
    }

    /// Compares the state with what the run recorded after a step.
    bool compare_digests(Index step, const std::string& where) {
        const auto recorded = evidence_.digests.find(step);
        if (recorded == evidence_.digests.end()) return true;
        const std::vector<std::uint64_t> own = state_digest(device_, world_, model_.layout(), state_);
        ++finding_.states;
        const std::string leaf = first_difference(own, recorded->second.leaves);
        if (leaf.empty()) {
            last_equal_ = step;
            return true;
        }
        std::string text = where + step_text(step) + ": the state differs from the recorded one, first in " + leaf;
        if (last_equal_ + 1 < step && where.empty()) {
            text += last_equal_ < 0 ? "; no earlier one was compared"
                                    : "; the last one that is equal is that of " + step_text(last_equal_);
        }
        return fail(step, leaf, std::move(text));
    }

    /// Compares the replay's state with a checkpoint, and goes on from that, which makes no difference.
    bool compare_checkpoint(const CheckpointRecord& checkpoint) {
        const std::vector<std::uint64_t> own = state_digest(device_, world_, model_.layout(), state_);
        read(checkpoint);
        ++finding_.checkpoints;
        const std::string leaf = first_difference(state_digest(device_, world_, model_.layout(), state_), own);
        if (!leaf.empty()) {
            return fail(checkpoint.step - 1, leaf,
                        checkpoint.directory.string() + ": is not the state that the replay has after " +
                            step_text(checkpoint.step - 1) + ", first in " + leaf);
        }
        const Json config = read_json(checkpoint.directory / "config.json");
        for (const auto& [key, value] : evidence_.run.config.items()) {
            if (config.value(key, Json()) == value) continue;
            return fail(checkpoint.step - 1, "",
                        (checkpoint.directory / "config.json").string() + ": '" + key + "' is " +
                            config.value(key, Json()).dump() + ", in the manifest " + value.dump());
        }
        return true;
    }

    [[nodiscard]] std::string first_difference(const std::vector<std::uint64_t>& a,
                                               const std::vector<std::uint64_t>& b) const {
        const std::vector<Leaf>& leaves = model_.layout().leaves();
        if (a.size() != b.size()) return "the number of parameters";
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (a[i] != b[i]) return leaves[i].name;
        }
        return {};
    }
    static std::string number(double value) { return finite_or_name(value).dump(); }

    D& device_;
    World& world_;
    const Model& model_;
    TrainState<D>& state_;
    const RunEvidence& evidence_;
    Finding& finding_;
    Index last_equal_ = -1;
};

}  // namespace detail

/// Trains the steps [from, to) of a run again, and compares what comes out with all that the run published: the
/// digests of its states, the records of its steps, what it had of the steps that it left out, its checkpoints.
/// That steps were left out, and that the run went back, is taken from the manifest.
///
/// A finding that passed means: the data, the code and the manifest give these checkpoints, bit for bit. One that
/// did not names the first step after which anything that was recorded differs, and the first leaf that does. All
/// ranks call it, with a state that nothing was done to yet; the same for any number of threads and ranks.
/// `chunks`: opened with the run's batch and seed. Throws Error(value) for steps that the run does not have,
/// Error(integrity) for a checkpoint that does not match its own hashes, else as training.
template <Device D, Communicator World, class Model>
Finding replay(D& device, World& world, const Model& model, TrainState<D>& state, const TokenChunks& chunks,
               const RunEvidence& evidence, const ReplayOptions& options) {
    if (options.from < 0 || options.to > evidence.run.steps || options.from >= options.to) {
        throw Error(ErrorCode::value, "verify",
                    "there are no steps " + std::to_string(options.from) + " to " + std::to_string(options.to) +
                        " to replay: the run has " + std::to_string(evidence.run.steps));
    }
    Finding finding{.from = options.from, .to = options.to};
    detail::Replay<D, World, Model> replay(device, world, model, state, evidence, finding);
    replay.start(options);
    while (finding.passed && state.step < options.to) {
        replay.step(chunks, options.micro_batch);
        if (options.progress) options.progress(state.step - options.from);
    }
    if (finding.passed && finding.states + finding.records + finding.checkpoints == 0) {
        throw Error(ErrorCode::value, "verify",
                    "there is nothing to compare these steps with: the run has recorded none of their states, and "
                    "has no checkpoint among them");
    }
    if (finding.passed && !evidence.broken_chain.empty()) {
        finding.passed = false;
        finding.text = evidence.broken_chain;
    }
    if (finding.passed) {
        finding.text = std::to_string(options.to - options.from) + " steps give " +
                       std::to_string(finding.states) + " recorded states and " +
                       std::to_string(finding.checkpoints) + " checkpoints, bit for bit";
    }
    return finding;
}

}  // namespace lapidary
