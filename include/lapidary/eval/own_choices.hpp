#pragma once

#include <lapidary/eval/choice_task.hpp>
#include <lapidary/eval/json_rows.hpp>

#include <filesystem>
#include <string>

namespace lapidary {

/// Multiple-choice questions of one's own, in JSON Lines: of each line
/// - `question`: put as "Question: ...\nAnswer:"; or instead `context`: put as it is, before a space and a choice;
/// - `choices`: the answers, at least one, none of them empty;
/// - `answer`: which is right, counted from 0;
/// - `id`, a string, if one likes.
/// Throws Error(io), Error(format) naming file, line and key.
inline std::vector<ChoiceQuestion> read_own_choices(const std::filesystem::path& file) {
    std::vector<ChoiceQuestion> questions;
    each_json_row(file, [&](const Json& row, const std::string& where) {
        ChoiceQuestion question;
        question.id = get_or(row, "id", std::to_string(questions.size()).c_str(), where);
        const bool bare = row.is_object() && row.contains("context");
        question.prompt = bare ? get<std::string>(row, "context", where)
                               : "Question: " + get<std::string>(row, "question", where) + "\nAnswer:";
        question.choices = get<std::vector<std::string>>(row, "choices", where);
        question.answer = get<std::size_t>(row, "answer", where);
        for (const std::string& choice : question.choices) {
            if (choice.empty()) throw Error(ErrorCode::format, "choices", where + ": a choice is empty");
        }
        if (question.answer >= question.choices.size()) {
            throw Error(ErrorCode::format, "choices",
                        where + ": 'answer' is " + std::to_string(question.answer) + ", there are " +
                            std::to_string(question.choices.size()) + " choices");
        }
        questions.push_back(std::move(question));
    });
    if (questions.empty()) throw Error(ErrorCode::format, "evaluate", file.string() + ": holds no question");
    return questions;
}

/// A task of one's own, named like its file. `examples`: a file of examples in the same form, the first of which
/// come before every question; if it is empty, examples are drawn from the other questions. No examples unless
/// asked for.
inline ChoiceTask own_choices_task(const std::filesystem::path& file, const std::filesystem::path& examples = {}) {
    ChoiceTask task{.name = file.stem().string(), .rule = FewShotRule::drawn_without};
    task.questions = task.pool = read_own_choices(file);
    if (!examples.empty()) {
        task.pool = read_own_choices(examples);
        task.rule = FewShotRule::first;
    }
    return task;
}

}  // namespace lapidary
