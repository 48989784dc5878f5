// evaluate: checkpoints -> scores on published tasks, perplexities, or completions of programming problems.

#include "evaluate_options.hpp"
#include "evaluate_table.hpp"
#include "fitting_tokenizer.hpp"
#include "skipped.hpp"

#include <lapidary/checkpoint/model_weights.hpp>
#include <lapidary/eval/checkpoint_list.hpp>
#include <lapidary/io/output_file.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/lapidary.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

// Calls `use(model, weights)` with what a directory holds.
template <Device D, class Use>
void with_model(D& device, const fs::path& directory, Use&& use) {
    visit_config(directory, [&](const auto& found) {
        const typename std::decay_t<decltype(found)>::Model model(found);
        auto weights = model_weights(device, model, directory);
        use(model, weights.view());
    });
}

RequestEncoder open_encoder(const EvaluateOptions& options, const fs::path& directory, Index vocabulary) {
    return {open_fitting_tokenizer("evaluate", directory, vocabulary), options.add_bos(directory)};
}

// What decides the tokens of an evaluation. Most checkpoints of a run agree on it.
std::string tokens_key(const fs::path& directory, bool add_bos, Index context, Index vocabulary) {
    std::string key = std::to_string(add_bos) + " " + std::to_string(context) + " " + std::to_string(vocabulary);
    for (const char* file : {"tokenizer.model", "tokenizer.json", "added_tokens.json", "tokenizer_config.json"}) {
        if (fs::exists(directory / file)) key += " " + sha256_file(directory / file);
    }
    return key;
}

// Evaluates checkpoints one after the other. Texts become tokens once, not for each.
template <Device D>
class Evaluator {
public:
    Evaluator(D& device, const EvaluateOptions& options)
        : device_(device), options_(options), plan_(options.plan()) {
        if constexpr (requires { device.threads(); }) plan_.options.threads = device.threads();
    }

    Json evaluate(const fs::path& directory) {
        Json result{{"directory", directory.string()}};
        const auto start = std::chrono::steady_clock::now();
        with_model(device_, directory, [&](const auto& model, auto weights) {
            const bool bos = options_.add_bos(directory);
            const std::string key = tokens_key(directory, bos, model.context(), model.vocabulary());
            if (key != key_) {
                prepared_ = prepare_evaluation(plan_, open_encoder(options_, directory, model.vocabulary()),
                                               model.context());
                key_ = key;
            }
            const Evaluation answers = evaluate_model(device_, model, weights, prepared_, options_.batch);
            std::printf("%s\n", directory.c_str());
            print_table(answers);
            result["add_bos"] = bos;
            result["results"] = evaluation_json(answers);
        });
        std::fprintf(stderr, "%.1f s\n",
                     std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        return result;
    }

private:
    D& device_;
    const EvaluateOptions& options_;
    EvaluationPlan plan_;
    PreparedEvaluation prepared_;
    std::string key_;
};

Json settings(const EvaluateOptions& options) {
    return {{"format", "lapidary evaluation 1"},
            {"as", "lm-eval 0.4.13"},
            {"version", version},
            {"seed", options.choice.seed},
            {"limit", options.choice.limit > 0 ? Json(options.choice.limit) : Json()},
            {"device", options.where.device}};
}

template <Device D>
Json evaluate_run(D& device, const EvaluateOptions& options) {
    Evaluator<D> evaluator(device, options);
    Json done = Json::array(), skipped = Json::array();
    const auto skip = [&](const fs::path& directory, const std::string& reason) {
        skipped.push_back({{"directory", directory.string()}, {"reason", reason}});
    };
    for (const ListedCheckpoint& checkpoint : list_checkpoints(options.run / "checkpoints")) {
        if (!checkpoint.problem.empty()) {
            skip(checkpoint.directory, checkpoint.problem);
            continue;
        }
        try {
            Json result = evaluator.evaluate(checkpoint.directory);
            result["step"] = checkpoint.order;
            done.push_back(std::move(result));
        } catch (const Error& error) {  // a damaged one is not the end of the others
            if (!spoils_one_checkpoint(error.code())) throw;
            skip(checkpoint.directory, error.what());
        }
    }
    warn_of_skipped("evaluate", skipped);
    if (done.empty()) {
        throw Error(ErrorCode::io, "evaluate",
                    (options.run / "checkpoints").string() + ": holds no checkpoint that can be read");
    }
    return {{"checkpoints", done}, {"skipped", skipped}};
}

// Completions in the form that the sets' own runners read.
template <Device D>
void write_completions(D& device, const EvaluateOptions& options) {
    const CodeProblems problems = options.problems();
    if (options.out.empty()) throw Error(ErrorCode::value, "evaluate", "--generate needs a file to write, --out");
    const fs::path partial = options.out.string() + ".partial";  // an older file stays until this one is complete
    OutputFile file(partial);
    with_model(device, options.model, [&](const auto& model, auto weights) {
        const RequestEncoder encoder = open_encoder(options, options.model, model.vocabulary());
        CompletionOptions completion = options.completion;
        completion.stops = problems.stops;
        completion.sampling.seed = options.choice.seed;
        for (std::size_t i = 0; i < problems.problems.size(); ++i) {
            const CodeProblem& problem = problems.problems[i];
            for (const std::string& text : complete_text(device, model, weights, encoder, problem.prompt,
                                                         static_cast<Index>(i), completion)) {
                file.write(Json{{"task_id", problem.task_id}, {"completion", text}}.dump(
                               -1, ' ', false, Json::error_handler_t::replace) +
                           "\n");
            }
        }
    });
    file.close();
    fs::rename(partial, options.out);
    std::printf("%s: %zu problems, %ld completions each\n", options.out.c_str(), problems.problems.size(),
                options.completion.samples);
}

template <Device D>
void run(D& device, const EvaluateOptions& options) {
    if (options.model.empty() == options.run.empty()) {
        throw Error(ErrorCode::value, "evaluate", "give either --model or --run");
    }
    if (!options.generate.empty()) {
        if (options.model.empty()) throw Error(ErrorCode::value, "evaluate", "--generate needs --model");
        return write_completions(device, options);
    }
    Json report = settings(options);
    if (options.run.empty()) {
        report["checkpoints"] = Json::array({Evaluator<D>(device, options).evaluate(options.model)});
    } else {
        report.update(evaluate_run(device, options));
    }
    if (!options.out.empty()) write_json(options.out, report);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Scores checkpoints as EleutherAI's LM Evaluation Harness does."};
    EvaluateOptions options;
    options.add_to(app);
    try {
        app.parse(argc, argv);
        options.where.visit([&](auto& device) { run(device, options); });
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "evaluate: " << error.what() << "\n";
        return 1;
    }
}
