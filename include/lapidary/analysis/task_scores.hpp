#pragma once

#include <lapidary/analysis/section.hpp>
#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace lapidary {

/// A score of one checkpoint.
struct TaskScore {
    Index step = 0;  ///< updates of its weights
    double value = 0;
    double standard_error = 0;  ///< NaN: not known
};

/// One metric of a task over checkpoints, in ascending steps. Where the number of questions or of examples
/// differs, scores are no points of one curve.
struct TaskCurve {
    std::string task, metric;
    Index questions = 0;  ///< 0: perplexity of texts
    Index shots = 0;
    std::vector<TaskScore> scores;
};

namespace detail {

/// The scores of a task as `evaluation_json` writes them: the keys that are no counts, in their order.
inline std::vector<std::pair<std::string, TaskScore>> scores_of(const Json& result, Index step) {
    std::vector<std::pair<std::string, TaskScore>> scores;
    for (const auto& [key, value] : result.items()) {
        const bool counts = key == "questions" || key == "shots" || key == "documents" || key == "tokens" ||
                            key == "words" || key == "bytes" || key == "log_likelihood";
        if (counts || key.ends_with("_stderr") || !value.is_number()) continue;
        const Json error = member(result, (key + "_stderr").c_str());
        scores.emplace_back(
            key, TaskScore{step, value.get<double>(),
                           error.is_number() ? error.get<double>() : std::numeric_limits<double>::quiet_NaN()});
    }
    return scores;
}

/// Adds the results of one checkpoint; a score that a curve already has for that step stays.
inline void add_results(std::vector<TaskCurve>& curves, const Json& results, Index step,
                        const std::string& where) {
    if (!results.is_array()) throw Error(ErrorCode::format, "report", where + ": 'results' is not an array");
    for (const Json& result : results) {
        const auto task = get<std::string>(result, "task", where);
        const auto questions = get_or<Index>(result, "questions", 0, where);
        const auto shots = get_or<Index>(result, "shots", 0, where);
        for (const auto& [metric, score] : scores_of(result, step)) {
            const std::string& name = metric;
            auto curve = std::find_if(curves.begin(), curves.end(), [&](const TaskCurve& one) {
                return one.task == task && one.metric == name && one.questions == questions && one.shots == shots;
            });
            if (curve == curves.end()) curve = curves.insert(curve, {task, metric, questions, shots, {}});
            auto place = std::lower_bound(curve->scores.begin(), curve->scores.end(), step,
                                          [](const TaskScore& one, Index other) { return one.step < other; });
            if (place == curve->scores.end() || place->step != step) curve->scores.insert(place, score);
        }
    }
}

}  // namespace detail

/// The scores of a run's checkpoints, of `analysis/evaluation.jsonl` (which `pretrain` writes on the way, and
/// keeps in step with the run) and then `analysis/evaluation.json` (which `evaluate` writes); curves in the order
/// of their first appearance. Empty where there is neither file. Throws Error(io), and Error(format) naming the
/// file, and the line of a log.
inline std::vector<TaskCurve> read_task_scores(const std::filesystem::path& run) {
    std::vector<TaskCurve> curves;
    const std::filesystem::path log = run / "analysis" / "evaluation.jsonl";
    std::error_code failure;
    if (std::filesystem::exists(log, failure)) {
        each_logged_line(log, [&](const Json& line, const std::string& where) {
            detail::add_results(curves, get<Json>(line, "results", where), get<Index>(line, "step", where), where);
        });
    }
    const std::filesystem::path file = run / "analysis" / "evaluation.json";
    if (const auto report = detail::read_if_there(file, "lapidary evaluation 1")) {
        for (const Json& one : get<std::vector<Json>>(*report, "checkpoints", file.string())) {
            detail::add_results(curves, get<Json>(one, "results", file.string()),
                                get<Index>(one, "step", file.string()), file.string());
        }
    }
    return curves;
}

/// Scores for the report.
inline Json evaluation_section(const std::vector<TaskCurve>& curves) {
    if (curves.empty()) {
        return detail::missing_section(
            "No scores yet: `evaluate --run RUN --out RUN/analysis/evaluation.json` writes them.");
    }
    Json list = Json::array();
    for (const TaskCurve& curve : curves) {
        Json steps = Json::array(), values = Json::array(), errors = Json::array();
        for (const TaskScore& score : curve.scores) {
            steps.push_back(score.step);
            values.push_back(detail::shown(score.value));
            errors.push_back(detail::shown(score.standard_error));
        }
        list.push_back({{"task", curve.task},
                        {"metric", curve.metric},
                        {"questions", curve.questions},
                        {"shots", curve.shots},
                        {"steps", steps},
                        {"values", values},
                        {"errors", errors}});
    }
    return {{"curves", list}};
}

}  // namespace lapidary
