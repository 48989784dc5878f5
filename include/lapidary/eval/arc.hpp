#pragma once

#include <lapidary/eval/choice_task.hpp>
#include <lapidary/eval/json_rows.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

/// Questions of ARC, of a file in Hugging Face's form (`id`, `question`, `choices` with `text` and `label`,
/// `answerKey`) or in that of its authors (`question` with `stem` and `choices`). Throws Error(io), Error(format)
/// naming file, line and key.
inline std::vector<ChoiceQuestion> read_arc(const std::filesystem::path& file) {
    std::vector<ChoiceQuestion> questions;
    each_json_row(file, [&](const Json& row, const std::string& where) {
        ChoiceQuestion question{.id = get<std::string>(row, "id", where), .prompt = {}, .choices = {}};
        const Json asked = get<Json>(row, "question", where);
        std::string stem;
        std::vector<std::string> labels;
        if (asked.is_object()) {
            stem = get<std::string>(asked, "stem", where);
            for (const Json& choice : get<std::vector<Json>>(asked, "choices", where)) {
                question.choices.push_back(get<std::string>(choice, "text", where));
                labels.push_back(get<std::string>(choice, "label", where));
            }
        } else {
            stem = get<std::string>(row, "question", where);
            const Json choices = get<Json>(row, "choices", where);
            question.choices = get<std::vector<std::string>>(choices, "text", where);
            labels = get<std::vector<std::string>>(choices, "label", where);
        }
        question.prompt = "Question: " + stem + "\nAnswer:";
        const auto key = get<std::string>(row, "answerKey", where);
        const auto found = std::find(labels.begin(), labels.end(), key);
        question.answer = static_cast<std::size_t>(found - labels.begin());
        if (labels.size() != question.choices.size() || found == labels.end()) {
            throw Error(ErrorCode::format, "arc",
                        where + ": 'answerKey' is " + quote(key) + ", which labels none of the " +
                            std::to_string(question.choices.size()) + " choices");
        }
        questions.push_back(std::move(question));
    });
    return questions;
}

/// ARC-Easy or ARC-Challenge (`part`: "Easy", "Challenge") in a directory of sets: the test questions, with
/// examples drawn from the training questions, or, where these are not there, from those for validation.
///
/// Source: LM Evaluation Harness 0.4.13, tasks/arc/arc_easy.yaml.
inline ChoiceTask arc_task(const std::string& name, const std::string& part, const std::filesystem::path& data) {
    const auto file = [&](const char* split, const char* theirs) {
        const std::string ours = "arc/ARC-" + part + "-" + split + ".jsonl",
                          original = "arc/ARC-" + part + "/ARC-" + part + "-" + theirs + ".jsonl";
        return find_set(data, {ours.c_str(), original.c_str()});
    };
    ChoiceTask task{.name = name, .shots = 25};
    task.questions = read_arc(file("test", "Test"));
    try {
        task.pool = read_arc(file("train", "Train"));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::io) throw;
        task.pool = read_arc(file("validation", "Dev"));
        task.notes.emplace_back("examples are drawn from the validation questions: there are none for training");
    }
    return task;
}

}  // namespace lapidary
