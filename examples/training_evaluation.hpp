#pragma once

#include "evaluate_options.hpp"

#include <lapidary/comm/any_communicator.hpp>
#include <lapidary/text/open_tokenizer.hpp>
#include <lapidary/train/gathered_weights.hpp>
#include <lapidary/train/json_lines.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <optional>
#include <utility>

/// What a run is asked while it trains: `evaluate`'s tasks, every so many steps.
struct TrainingEvaluationOptions {
    lapidary::Index every = 0;
    EvaluateOptions asked;

    /// For ranks to agree on.
    [[nodiscard]] lapidary::Json asked_json() const {
        lapidary::Json files = lapidary::Json::array();
        for (const auto& file : asked.choices) files.push_back(file.string());
        for (const auto& file : asked.texts) files.push_back(file.string());
        return {asked.tasks, asked.data.string(), asked.choice.limit, files};
    }

    void add_to(CLI::App& app) {
        app.add_option("--evaluate-every", every, "Evaluate after every so many steps, and after the last")
            ->check(number_in(0));
        app.add_option("--tasks", asked.tasks, "For that: tasks as `evaluate` has them, with commas")
            ->delimiter(',');
        app.add_option("--task-data", asked.data, "Directory of the sets' own files");
        app.add_option("--task-limit", asked.choice.limit, "Questions of each task; 0: all")->check(number_in(0));
        app.add_option("--choices", asked.choices, "Multiple-choice sets of one's own");
        app.add_option("--perplexity", asked.texts, "Texts to measure the perplexity on");
    }
};

/// Evaluates while a run trains, into `run/analysis/evaluation.jsonl`.
///
/// All ranks ask all the questions: they may hold the weights together, and nobody then waits for another.
class TrainingEvaluation {
public:
    /// Throws Error for sets or a tokenizer that cannot be read.
    TrainingEvaluation(const TrainingEvaluationOptions& options, const std::filesystem::path& data,
                       lapidary::Index context)
        : every_(options.every) {
        using namespace lapidary;
        const EvaluateOptions& asked = options.asked;
        if (every_ == 0) {
            if (asked.tasks.empty() && asked.choices.empty() && asked.texts.empty()) return;
            throw Error(ErrorCode::value, "evaluate", "--evaluate-every says how often to ask");
        }
        prepared_ = prepare_evaluation(asked.plan(), {open_tokenizer(data), asked.add_bos(data)}, context);
    }

    /// Continues the log at a step, on the rank that keeps it.
    void open(const std::filesystem::path& run, lapidary::Index step) {
        const std::filesystem::path file = run / "analysis" / "evaluation.jsonl";
        log_.reset();
        if (every_ > 0) {
            std::filesystem::create_directories(run / "analysis");
            log_.emplace(file, step);
        } else if (std::filesystem::exists(file)) {
            lapidary::JsonLines(file, step);  // what it has of later steps may not come to be
        }
    }

    [[nodiscard]] bool due(lapidary::Index steps_done, bool last) const {
        return every_ > 0 && (last || steps_done % every_ == 0);
    }

    /// Asks the model as it is after a step, and returns the answers for people.
    template <lapidary::Device D, class Model>
    std::string run(D& device, lapidary::AnyCommunicator& world, const Model& model,
                    lapidary::TrainState<D>& state) {
        using namespace lapidary;
        GatheredWeights<D, AnyCommunicator> weights(device, world, state);
        const Evaluation answers = evaluate_model(device, model, Weights<Scalar<D>>(weights), prepared_);
        weights.finish();
        const Json results = evaluation_json(answers);
        if (log_) {
            log_->write({{"step", state.step}, {"results", results}});
            log_->sync();
        }
        std::string text;
        char value[64];
        for (const ChoiceResult& result : answers.choices) {
            if (!result.group.empty()) continue;  // a subject of MMLU
            std::snprintf(value, sizeof value, " %.3f", result.metrics.back().second.value);
            text += (text.empty() ? "" : ", ") + result.name + " " + result.metrics.back().first + value;
        }
        for (const auto& [name, texts] : answers.texts) {
            std::snprintf(value, sizeof value, " %.3f bits a byte", texts.bits_per_byte());
            text += (text.empty() ? "" : ", ") + name + value;
        }
        return text;
    }

private:
    lapidary::Index every_;
    lapidary::PreparedEvaluation prepared_;
    std::optional<lapidary::JsonLines> log_;
};
