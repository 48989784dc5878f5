#pragma once

#include <lapidary/eval/choice_results.hpp>
#include <lapidary/eval/log_likelihoods.hpp>
#include <lapidary/eval/text_perplexity.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// What models are asked, as texts.
struct EvaluationPlan {
    std::vector<ChoiceTask> choices;
    std::vector<std::pair<std::string, std::vector<std::string>>> texts;  ///< names and documents
    ChoiceOptions options;
};

/// The same as tokens, for all models with one tokenizer and one length of context.
struct PreparedEvaluation {
    std::vector<PreparedChoices> choices;
    std::vector<PreparedTexts> texts;
};

/// Throws what `prepare_choices` throws.
inline PreparedEvaluation prepare_evaluation(const EvaluationPlan& plan, const RequestEncoder& encoder,
                                             Index context) {
    PreparedEvaluation result;
    for (const ChoiceTask& task : plan.choices) {
        result.choices.push_back(prepare_choices(task, encoder, plan.options));
    }
    for (const auto& [name, documents] : plan.texts) {
        result.texts.push_back(prepare_texts(name, documents, encoder, context));
    }
    return result;
}

/// How a model answered.
struct Evaluation {
    std::vector<ChoiceResult> choices;  ///< in the plan's order, and sums over groups behind them
    std::vector<std::pair<std::string, TextPerplexity>> texts;
};

/// Asks a model. On a CPU a function of the weights and the plan alone, bit for bit; see `log_likelihoods`.
template <Device D, class Model>
Evaluation evaluate_model(D& device, const Model& model, std::type_identity_t<Weights<Scalar<D>>> weights,
                          const PreparedEvaluation& prepared, Index batch = 8) {
    Evaluation result;
    const LogLikelihoodOptions options{.batch = batch};
    for (const PreparedChoices& task : prepared.choices) {
        const auto answers = log_likelihoods(device, model, weights, task.requests, options);
        result.choices.push_back(choice_result(task, answers));
    }
    for (const ChoiceResult& group : group_results(result.choices)) result.choices.push_back(group);
    for (const PreparedTexts& texts : prepared.texts) {
        const auto answers = log_likelihoods(device, model, weights, texts.requests, options);
        result.texts.emplace_back(texts.name, text_perplexity(texts, answers));
    }
    return result;
}

/// All results as JSON.
inline Json evaluation_json(const Evaluation& evaluation) {
    Json results = Json::array();
    for (const ChoiceResult& result : evaluation.choices) results.push_back(choice_json(result));
    for (const auto& [name, texts] : evaluation.texts) results.push_back(perplexity_json(name, texts));
    return results;
}

}  // namespace lapidary
