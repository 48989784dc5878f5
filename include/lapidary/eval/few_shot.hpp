#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/eval/choice_task.hpp>
#include <lapidary/eval/python_random.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace lapidary {

/// The seed with which examples are drawn unless another is asked for, as everywhere in published results.
inline constexpr std::uint32_t few_shot_seed = 1234;

namespace detail {

/// Chooses examples, question after question: what is drawn for one depends on how many came before.
class FewShotSampler {
public:
    FewShotSampler(const ChoiceTask& task, std::size_t shots, std::uint32_t seed)
        : task_(task), shots_(shots), random_(seed) {}

    std::vector<const ChoiceQuestion*> examples(const ChoiceQuestion& question) {
        const std::size_t size = task_.pool.size();
        const bool without = task_.rule == FewShotRule::drawn_without;
        if (shots_ + (without ? 1 : 0) > size && shots_ > 0) {
            throw Error(ErrorCode::value, "few_shot",
                        task_.name + ": " + std::to_string(shots_) + " examples are wanted, and there are " +
                            std::to_string(size) + " questions to take them from");
        }
        std::vector<const ChoiceQuestion*> chosen;
        if (shots_ == 0) return chosen;
        if (task_.rule == FewShotRule::first) {
            for (std::size_t i = 0; i < shots_; ++i) chosen.push_back(&task_.pool[i]);
            return chosen;
        }
        for (const std::size_t i : random_.sample(size, shots_ + (without ? 1 : 0)))
            chosen.push_back(&task_.pool[i]);
        if (!without) return chosen;
        std::erase_if(chosen, [&](const ChoiceQuestion* other) { return *other == question; });
        if (chosen.size() < shots_) chosen = draw_from_others(question);
        chosen.resize(shots_);
        return chosen;
    }

private:
    // The pool holds the question more than once, and more than one of them was drawn.
    std::vector<const ChoiceQuestion*> draw_from_others(const ChoiceQuestion& question) {
        std::vector<const ChoiceQuestion*> others, chosen;
        for (const ChoiceQuestion& other : task_.pool) {
            if (!(other == question)) others.push_back(&other);
        }
        for (const std::size_t i : random_.sample(others.size(), shots_)) chosen.push_back(others[i]);
        return chosen;
    }

    const ChoiceTask& task_;
    std::size_t shots_;
    PythonRandom random_;
};

}  // namespace detail

/// The prompts of a task's first `count` questions, each behind `shots` examples with their answers.
///
/// Source: LM Evaluation Harness 0.4.13, api/task.py (`fewshot_context`, `build_qa_turn`) and api/samplers.py: the
/// description, then each example's prompt, a space, its answer and an empty line, then the prompt; examples are
/// drawn by Python's `random.Random(seed).sample`. Throws Error(value) if the pool has too few.
inline std::vector<std::string> prompts_of(const ChoiceTask& task, std::size_t count, std::size_t shots,
                                           std::uint32_t seed = few_shot_seed) {
    detail::FewShotSampler sampler(task, shots, seed);
    std::vector<std::string> prompts;
    for (std::size_t i = 0; i < std::min(count, task.questions.size()); ++i) {
        const ChoiceQuestion& question = task.questions[i];
        std::string text = task.description;
        for (const ChoiceQuestion* example : sampler.examples(question)) {
            text += example->prompt + " " + example->choices[example->answer] + "\n\n";
        }
        prompts.push_back(text + question.prompt);
    }
    return prompts;
}

}  // namespace lapidary
