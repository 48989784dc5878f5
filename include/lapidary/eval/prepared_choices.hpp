#pragma once

#include <lapidary/eval/choice_scores.hpp>
#include <lapidary/eval/few_shot.hpp>
#include <lapidary/eval/request_encoder.hpp>
#include <lapidary/eval/standard_error.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace lapidary {

struct ChoiceOptions {
    Index limit = 0;   ///< questions of each task, from the first on; 0: all
    Index shots = -1;  ///< examples before a question; negative: as usually published
    std::uint32_t seed = few_shot_seed;
    int threads = 1;  ///< that encode; never changes anything
};

/// A task as requests to a model: made once for all checkpoints that share a tokenizer.
struct PreparedChoices {
    ChoiceTask task;  ///< its questions are those that count
    Index shots = 0;
    std::vector<TokenRequest> requests;  ///< one for each choice of each question, in order
};

namespace detail {

/// Calls `work(i)` for i below `count`, shared out over threads. What the first one throws is thrown.
template <class Work>
void share_out(int threads, std::size_t count, Work&& work) {
    std::vector<std::exception_ptr> errors(count);
    std::atomic<std::size_t> next{0};
    const auto run = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (...) {
                errors[i] = std::current_exception();
            }
        }
    };
    {
        std::vector<std::jthread> others;
        for (int i = 1; i < threads; ++i) others.emplace_back(run);
        run();
    }
    for (const std::exception_ptr& error : errors) {
        if (error) std::rethrow_exception(error);
    }
}

}  // namespace detail

/// Prompts, examples and tokens of a task. Throws Error(value) naming the task for too few examples or a choice
/// without tokens.
inline PreparedChoices prepare_choices(ChoiceTask task, const RequestEncoder& encoder,
                                       const ChoiceOptions& options = {}) {
    PreparedChoices result{std::move(task), 0, {}};
    ChoiceTask& own = result.task;
    result.shots = options.shots < 0 ? own.shots : options.shots;
    const std::size_t count = options.limit > 0
                                  ? std::min(static_cast<std::size_t>(options.limit), own.questions.size())
                                  : own.questions.size();
    const auto prompts = prompts_of(own, count, static_cast<std::size_t>(result.shots), options.seed);
    own.questions.resize(count);
    std::vector<std::vector<TokenRequest>> encoded(count);
    detail::share_out(options.threads, count, [&](std::size_t i) {
        std::vector<std::string> continuations;
        for (const std::string& choice : own.questions[i].choices) continuations.push_back(" " + choice);
        try {
            encoded[i] = encoder.encode(prompts[i], continuations);
        } catch (const Error& error) {
            throw Error(error.code(), "evaluate",
                        own.name + ", question " + quote(own.questions[i].id) + ": " + error.what());
        }
    });
    for (auto& requests : encoded)
        std::move(requests.begin(), requests.end(), std::back_inserter(result.requests));
    return result;
}

/// What a metric makes of each question of a task. `answers`: one for each request.
inline std::vector<double> choice_scores(const PreparedChoices& prepared, ChoiceMetric metric,
                                         std::span<const LogLikelihood> answers) {
    std::vector<double> scores;
    std::size_t first = 0;
    for (const ChoiceQuestion& question : prepared.task.questions) {
        scores.push_back(choice_score(metric, question, answers.subspan(first, question.choices.size())));
        first += question.choices.size();
    }
    return scores;
}

}  // namespace lapidary
