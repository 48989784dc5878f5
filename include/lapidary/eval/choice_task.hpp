#pragma once

#include <lapidary/core/shape.hpp>

#include <string>
#include <vector>

namespace lapidary {

/// A question with answers to choose from.
struct ChoiceQuestion {
    std::string id;      ///< in its file
    std::string prompt;  ///< what a model reads before an answer, without the space between them
    std::vector<std::string> choices;
    std::size_t answer = 0;      ///< which choice is right
    std::vector<bool> truths{};  ///< which choices are true, where several are

    bool operator==(const ChoiceQuestion&) const = default;
};

/// How examples are chosen from a task's pool (LM Evaluation Harness 0.4.13, api/samplers.py).
enum class FewShotRule {
    first,          ///< the first of the pool, the same for every question
    drawn,          ///< drawn anew for every question
    drawn_without,  ///< the same, but never the question itself
};

/// What is measured on a question.
enum class ChoiceMetric {
    accuracy,             ///< `acc`: the likeliest choice is right
    normalized_accuracy,  ///< `acc_norm`: the same by log-likelihood per character
    true_mass,            ///< `acc` of TruthfulQA's mc2: the probability of the true ones among all choices
};

/// Multiple-choice questions, and how they are put to a model.
struct ChoiceTask {
    std::string name;
    std::string group{};        ///< to which its results are added up; empty: none
    std::string description{};  ///< before everything else
    std::vector<ChoiceQuestion> questions{};
    std::vector<ChoiceQuestion> pool{};  ///< of few-shot examples
    FewShotRule rule = FewShotRule::drawn;
    Index shots = 0;  ///< as usually published
    std::vector<ChoiceMetric> metrics{ChoiceMetric::accuracy, ChoiceMetric::normalized_accuracy};
    std::vector<std::string> notes{};  ///< in which way this is not what is usually published
};

/// The name of a metric in results.
inline const char* metric_name(ChoiceMetric metric) {
    return metric == ChoiceMetric::normalized_accuracy ? "acc_norm" : "acc";
}

}  // namespace lapidary
