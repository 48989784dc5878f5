#pragma once

#include <lapidary/analysis/event_file.hpp>
#include <lapidary/analysis/run_report.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

namespace detail {

/// Lines as a block of code, so that nothing in a text is read as Markdown.
inline std::string code_block(std::string_view text) {
    std::string block = "    ";
    for (const char c : text) {
        block += c;
        if (c == '\n') block += "    ";
    }
    return block;
}

/// Seconds of training until so many updates were done.
class TrainingClock {
public:
    explicit TrainingClock(const std::vector<StepRecord>& steps) : steps_(&steps) {
        double sum = 0;
        for (const StepRecord& record : steps) {
            if (std::isfinite(record.seconds)) sum += record.seconds;
            sums_.push_back(sum);
        }
    }
    [[nodiscard]] double operator()(Index updates) const {
        const auto end = std::lower_bound(steps_->begin(), steps_->end(), updates,
                                          [](const StepRecord& one, Index other) { return one.step < other; });
        return end == steps_->begin() ? 0 : sums_[static_cast<std::size_t>(end - steps_->begin()) - 1];
    }

private:
    const std::vector<StepRecord>* steps_;
    std::vector<double> sums_;
};

}  // namespace detail

/// Writes a run for TensorBoard into `directory`, one event file that an earlier one gives way to: every logged
/// step
/// (`train/...`), held-out loss, the scores of tasks (`task/metric`) and the samples as texts. Returns its path.
///
/// Held-out loss, scores and samples stand at the number of updates of the weights that they are of. Logs hold no
/// time of day, so wall time counts the seconds of training from 0, and equal runs give equal bytes but for what
/// their clocks say. Throws Error(io), and what reading the run throws.
inline std::filesystem::path write_run_events(const std::filesystem::path& run,
                                              const std::filesystem::path& directory) {
    const RunMetrics metrics = run_metrics(run);
    const detail::TrainingClock clock(metrics.steps);
    std::filesystem::create_directories(directory);
    const std::filesystem::path path = directory / "events.out.tfevents.0000000000.lapidary";
    EventFile events(path);
    for (const StepRecord& record : metrics.steps) {
        const std::array<EventScalar, 4> values{{{"train/loss", record.loss},
                                                 {"train/learning_rate", record.learning_rate},
                                                 {"train/gradient_norm", record.gradient_norm},
                                                 {"train/tokens_per_second", record.tokens_per_second()}}};
        events.scalars(record.step, clock(record.step + 1), values);
    }
    const auto one = [&](Index updates, std::string_view tag, double value) {
        const EventScalar scalar{tag, value};
        events.scalars(updates, clock(updates), {&scalar, 1});
    };
    for (const ValidationRecord& record : metrics.validation) one(record.updates, "valid/loss", record.loss);
    for (const TaskCurve& curve : read_task_scores(run)) {
        for (const TaskScore& score : curve.scores) one(score.step, curve.task + "/" + curve.metric, score.value);
    }
    const Json samples = samples_section(run);
    if (!samples.contains("missing")) {
        const std::string where = (run / "analysis" / "samples.json").string();
        const auto prompts = get<std::vector<std::string>>(samples, "prompts", where);
        for (const Json& checkpoint : get<std::vector<Json>>(samples, "checkpoints", where)) {
            const auto texts = get<std::vector<std::string>>(checkpoint, "texts", where);
            const auto step = get<Index>(checkpoint, "step", where);
            for (std::size_t i = 0; i < std::min(prompts.size(), texts.size()); ++i) {
                events.text(step, clock(step), "samples/" + std::to_string(i),
                            detail::code_block(prompts[i] + texts[i]));
            }
        }
    }
    events.close();
    return path;
}

}  // namespace lapidary
