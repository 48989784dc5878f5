#pragma once

#include <lapidary/eval/choice_task.hpp>
#include <lapidary/eval/csv_rows.hpp>
#include <lapidary/eval/json_rows.hpp>
#include <lapidary/eval/mmlu_subjects.hpp>
#include <lapidary/eval/python_text.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

/// Questions of one subject of MMLU, in its own format: rows of question, four choices and the letter of the right
/// one. Throws Error(io), Error(format) naming file and line.
inline std::vector<ChoiceQuestion> read_mmlu(const std::filesystem::path& file) {
    std::vector<ChoiceQuestion> questions;
    each_csv_row(file, [&](const std::vector<std::string>& row, const std::string& where) {
        if (row.size() != 6 || row[5].size() != 1 || row[5][0] < 'A' || row[5][0] > 'D') {
            throw Error(ErrorCode::format, "mmlu",
                        where + ": expected a question, four choices and a letter from A to D, got " +
                            std::to_string(row.size()) + " fields, the last of them " + quote(row.back()));
        }
        ChoiceQuestion question{.id = std::to_string(questions.size()),
                                .prompt = std::string(python::strip(row[0])),
                                .choices = {"A", "B", "C", "D"},
                                .answer = static_cast<std::size_t>(row[5][0] - 'A')};
        for (std::size_t i = 0; i < 4; ++i) question.prompt += "\n" + question.choices[i] + ". " + row[i + 1];
        question.prompt += "\nAnswer:";
        questions.push_back(std::move(question));
    });
    return questions;
}

/// The subjects of MMLU in a directory of sets, each a task whose group is `stem`, `humanities`, `social_sciences`
/// or `other`: the test questions behind those of the subject's dev file. Subjects without a test file are left
/// out. Throws Error(io) if there are none.
///
/// Source: LM Evaluation Harness 0.4.13, tasks/mmlu/default.
inline std::vector<ChoiceTask> mmlu_tasks(const std::filesystem::path& data) {
    const std::filesystem::path folder = find_set(data, {"mmlu"});
    std::vector<ChoiceTask> tasks;
    for (const MmluGroup& group : mmlu_groups) {
        for (const char* subject : group.subjects) {
            const std::string name = subject;
            const std::filesystem::path test = folder / "test" / (name + "_test.csv");
            if (name.empty() || !std::filesystem::exists(test)) continue;
            ChoiceTask task{.name = "mmlu_" + name, .group = group.name, .rule = FewShotRule::first, .shots = 5};
            std::string words = name;
            std::replace(words.begin(), words.end(), '_', ' ');
            task.description =
                "The following are multiple choice questions (with answers) about " + words + ".\n\n";
            task.questions = read_mmlu(test);
            task.pool = read_mmlu(folder / "dev" / (name + "_dev.csv"));
            task.metrics = {ChoiceMetric::accuracy};
            tasks.push_back(std::move(task));
        }
    }
    if (tasks.empty()) {
        throw Error(ErrorCode::io, "mmlu", (folder / "test").string() + ": has no file of any subject");
    }
    return tasks;
}

}  // namespace lapidary
