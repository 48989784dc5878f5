#pragma once

#include <lapidary/eval/prepared_choices.hpp>
#include <lapidary/io/json.hpp>

#include <map>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// How a task, or a group of tasks, was answered.
struct ChoiceResult {
    std::string name, group;
    Index questions = 0, shots = 0;
    std::vector<std::pair<std::string, Estimate>> metrics;  ///< by name: "acc", "acc_norm"
    std::vector<std::string> notes;
};

/// Metrics of a task. `answers`: one for each of its requests.
inline ChoiceResult choice_result(const PreparedChoices& prepared, std::span<const LogLikelihood> answers) {
    const ChoiceTask& task = prepared.task;
    ChoiceResult result{task.name, task.group, static_cast<Index>(task.questions.size()), prepared.shots, {}, {}};
    result.notes = task.notes;
    for (const ChoiceMetric metric : task.metrics) {
        const std::vector<double> scores = choice_scores(prepared, metric, answers);
        result.metrics.emplace_back(metric_name(metric), mean_of(scores));
    }
    return result;
}

/// The results of MMLU's four groups and of all subjects: `acc` of questions that count alike, as the LM
/// Evaluation Harness 0.4.13 adds them up (tasks/mmlu/default/_mmlu.yaml, `weight_by_size`), and `acc_by_subject`
/// of subjects that count alike, as LLM360 published it. Empty if no result has a group.
inline std::vector<ChoiceResult> group_results(std::span<const ChoiceResult> results) {
    struct Members {
        std::vector<Estimate> estimates;
        std::vector<double> sizes;
        Index questions = 0, shots = 0;
    };
    std::map<std::string, Members> groups;
    for (const ChoiceResult& result : results) {
        if (result.group.empty()) continue;
        for (const std::string& name : {std::string("mmlu"), "mmlu_" + result.group}) {
            Members& members = groups[name];
            members.estimates.push_back(result.metrics.front().second);
            members.sizes.push_back(static_cast<double>(result.questions));
            members.questions += result.questions;
            members.shots = result.shots;
        }
    }
    std::vector<ChoiceResult> sums;
    for (const auto& [name, members] : groups) {
        sums.push_back({name,
                        "",
                        members.questions,
                        members.shots,
                        {{"acc", mean_by_size(members.estimates, members.sizes)},
                         {"acc_by_subject", mean_by_task(members.estimates)}},
                        {}});
    }
    return sums;
}

/// A result as JSON: an error that is not known is null.
inline Json choice_json(const ChoiceResult& result) {
    Json json{{"task", result.name}, {"questions", result.questions}, {"shots", result.shots}};
    for (const auto& [name, estimate] : result.metrics) {
        json[name] = estimate.value;
        json[name + "_stderr"] = estimate.standard_error;
    }
    if (!result.notes.empty()) json["notes"] = result.notes;
    return json;
}

}  // namespace lapidary
