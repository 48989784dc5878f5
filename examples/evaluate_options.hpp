#pragma once

#include "checks.hpp"
#include "device_choice.hpp"

#include <lapidary/eval/bos_policy.hpp>
#include <lapidary/eval/choice_tasks.hpp>
#include <lapidary/eval/code_problems.hpp>
#include <lapidary/eval/complete_texts.hpp>
#include <lapidary/eval/evaluation.hpp>
#include <lapidary/eval/own_choices.hpp>
#include <lapidary/eval/text_documents.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <vector>

/// What `evaluate` is told.
struct EvaluateOptions {
    std::filesystem::path model, run, data, examples, out;
    std::vector<std::string> tasks;
    std::vector<std::filesystem::path> choices, texts;
    std::string generate, bos = "auto";
    lapidary::ChoiceOptions choice;
    lapidary::CompletionOptions completion;
    std::vector<std::string> stops;
    lapidary::Index batch = 8;
    DeviceChoice where;

    void add_to(CLI::App& app) {
        CLI::Option* one = app.add_option("--model", model, "Hugging Face directory with a tokenizer");
        app.add_option("--run", run, "A run: every checkpoint below its folder `checkpoints`, in order")
            ->excludes(one);
        app.add_option("--tasks", tasks,
                       "Of arc_easy, arc_challenge, hellaswag, mmlu, truthfulqa_mc1, truthfulqa_mc2, with commas")
            ->delimiter(',');
        app.add_option("--data", data,
                       "Directory of the sets' own files: arc/, hellaswag/, mmlu/, truthfulqa/, ...");
        app.add_option("--choices", choices,
                       "Multiple-choice sets of one's own, JSON Lines: question or context, choices, answer");
        app.add_option("--choices-examples", examples, "Examples for --choices and --shots, in the same form");
        app.add_option("--perplexity", texts, "Texts: .jsonl with a field text, or a file that is one text");
        app.add_option("--generate", generate, "Write completions instead, for a sandboxed runner to score")
            ->check(CLI::IsMember({"humaneval", "mbpp"}));
        app.add_option("--limit", choice.limit, "Questions of each task, from the first on; 0: all")
            ->check(number_in(0))
            ->capture_default_str();
        app.add_option("--shots", choice.shots, "Examples before a question [as usually published]")
            ->check(number_in(0));
        app.add_option("--seed", choice.seed, "Draws examples, and completions")->capture_default_str();
        app.add_option("--batch", batch, "Sequences under way at once: memory; on a CPU never a bit")
            ->check(number_in(1))
            ->capture_default_str();
        app.add_option("--bos", bos,
                       "Whether texts begin with the start token; auto: as the tokenizer's files say")
            ->check(CLI::IsMember({"auto", "yes", "no"}))
            ->capture_default_str();
        app.add_option("--samples", completion.samples, "Completions of each problem")
            ->check(number_in(1))
            ->capture_default_str();
        app.add_option("--temperature", completion.sampling.temperature, "Of completions; 0: always the likeliest")
            ->check(number_in(0))
            ->capture_default_str();
        app.add_option("--top-p", completion.sampling.top_p, "Only the likeliest that reach this probability")
            ->capture_default_str();
        app.add_option("--max-tokens", completion.max_tokens, "Of a completion")->capture_default_str();
        app.add_option("--stop", stops, "A completion ends before any of these [those of the set]");
        where.add_to(app);
        app.add_option("--out", out, "File to write: JSON, or JSON Lines of completions");
    }

    /// Whether to put the start token first, for the tokenizer of a directory.
    [[nodiscard]] bool add_bos(const std::filesystem::path& directory) const {
        return bos == "auto" ? lapidary::adds_bos(directory) : bos == "yes";
    }

    /// Throws Error for sets that cannot be read, and where nothing is asked.
    [[nodiscard]] lapidary::EvaluationPlan plan() const {
        using namespace lapidary;
        EvaluationPlan result{{}, {}, choice};
        for (const std::string& name : tasks) {
            for (ChoiceTask& task : choice_tasks(name, data)) result.choices.push_back(std::move(task));
        }
        for (const auto& file : choices) result.choices.push_back(own_choices_task(file, examples));
        for (const auto& file : texts) {
            const std::string name = file.filename().string();
            for (const auto& [other, documents] : result.texts) {
                if (other == name) throw Error(ErrorCode::value, "evaluate", "two texts are named " + name);
            }
            result.texts.emplace_back(name, read_texts(file));
        }
        if (result.choices.empty() && result.texts.empty()) {
            throw Error(ErrorCode::value, "evaluate",
                        "nothing to do: give --tasks, --choices, --perplexity or --generate");
        }
        return result;
    }

    /// The problems of --generate, at most --limit.
    [[nodiscard]] lapidary::CodeProblems problems() const {
        using namespace lapidary;
        CodeProblems result =
            generate == "mbpp"
                ? read_mbpp(find_set(data, {"mbpp/mbpp.jsonl"}))
                : read_humaneval(find_set(data, {"humaneval/HumanEval.jsonl.gz", "humaneval/HumanEval.jsonl"}));
        if (!stops.empty()) result.stops = stops;
        if (choice.limit > 0 && choice.limit < static_cast<Index>(result.problems.size())) {
            result.problems.resize(static_cast<std::size_t>(choice.limit));
        }
        return result;
    }
};
