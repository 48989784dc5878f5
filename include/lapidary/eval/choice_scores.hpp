#pragma once

#include <lapidary/eval/choice_task.hpp>
#include <lapidary/eval/python_text.hpp>
#include <lapidary/eval/token_request.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace lapidary {

/// What a metric makes of a question, given how likely a model finds its choices.
///
/// Source: LM Evaluation Harness 0.4.13, api/task.py (`process_results`) and tasks/truthfulqa/utils.py
/// (`process_results_mc2`). Of equally likely choices the first counts. Characters are those of the choice, not
/// bytes, without the space before it.
inline double choice_score(ChoiceMetric metric, const ChoiceQuestion& question,
                           std::span<const LogLikelihood> choices) {
    std::vector<double> values;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        values.push_back(choices[i].sum);
        if (metric == ChoiceMetric::normalized_accuracy) {
            values.back() /= static_cast<double>(python::length(question.choices[i]));
        }
    }
    if (metric != ChoiceMetric::true_mass) {
        const auto best = std::max_element(values.begin(), values.end()) - values.begin();
        return static_cast<std::size_t>(best) == question.answer ? 1.0 : 0.0;
    }
    double all = 0, right = 0;
    for (const double value : values) all += std::exp(value);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (question.truths[i]) right += std::exp(values[i]) / all;
    }
    return right;
}

}  // namespace lapidary
