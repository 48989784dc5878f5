#pragma once

#include <lapidary/eval/choice_task.hpp>
#include <lapidary/eval/json_rows.hpp>
#include <lapidary/eval/python_text.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace lapidary {

/// A text of HellaSwag without the marks that WikiHow left in it (LM Evaluation Harness 0.4.13,
/// tasks/hellaswag/utils.py, `preprocess`).
inline std::string hellaswag_text(std::string_view text) {
    const std::string marked = python::replace(python::strip(text), " [title]", ". ");
    std::string bare;
    for (std::size_t i = 0; i < marked.size();) {  // re.sub("\\[.*?\\]", "", text): a dot is no end of line
        const std::size_t end = marked[i] == '[' ? marked.find_first_of("]\n", i + 1) : std::string::npos;
        if (end != std::string::npos && marked[end] == ']') {
            i = end + 1;
        } else {
            bare += marked[i++];
        }
    }
    return python::replace(bare, "  ", " ");
}

namespace detail {

inline std::size_t hellaswag_label(const Json& row, std::size_t choices, const std::string& where) {
    const Json label = get<Json>(row, "label", where);  // its authors write a number, Hugging Face a string
    const bool digit = label.is_string() && label.get<std::string>().size() == 1;
    const Index value = digit ? label.get<std::string>()[0] - '0' : get<Index>(row, "label", where);
    if (value < 0 || value >= static_cast<Index>(choices)) {
        throw Error(ErrorCode::format, "hellaswag",
                    where + ": 'label' is " + std::to_string(value) + ", there are " + std::to_string(choices) +
                        " endings");
    }
    return static_cast<std::size_t>(value);
}

}  // namespace detail

/// Questions of HellaSwag in its own format. Of a copy without `ctx_a` and `ctx_b`, `ctx` is taken as it is, and
/// `whole` set: there the first letter behind the first sentences stays small. Throws Error(io), Error(format)
/// naming file, line and key.
inline std::vector<ChoiceQuestion> read_hellaswag(const std::filesystem::path& file, bool& whole) {
    std::vector<ChoiceQuestion> questions;
    each_json_row(file, [&](const Json& row, const std::string& where) {
        std::string context;
        if (row.is_object() && !row.contains("ctx_a") && row.contains("ctx")) {
            whole = true;
            context = get<std::string>(row, "ctx", where) + " ";
        } else {
            context = get<std::string>(row, "ctx_a", where) + " " +
                      python::capitalize(get<std::string>(row, "ctx_b", where));
        }
        ChoiceQuestion question;
        question.id = std::to_string(get<Index>(row, "ind", where));
        question.prompt = hellaswag_text(get<std::string>(row, "activity_label", where) + ": " + context);
        for (const auto& ending : get<std::vector<std::string>>(row, "endings", where)) {
            question.choices.push_back(hellaswag_text(ending));
        }
        question.answer = detail::hellaswag_label(row, question.choices.size(), where);
        questions.push_back(std::move(question));
    });
    return questions;
}

/// HellaSwag in a directory of sets: the validation questions, with examples drawn from the training questions,
/// or, where these are not there, from the others of validation.
///
/// Source: LM Evaluation Harness 0.4.13, tasks/hellaswag/hellaswag.yaml. That file names no split for tests, which
/// makes the sampler draw one example more than it needs and leave the question out.
inline ChoiceTask hellaswag_task(const std::filesystem::path& data) {
    ChoiceTask task{.name = "hellaswag", .rule = FewShotRule::drawn_without, .shots = 10};
    bool whole = false;
    task.questions = read_hellaswag(find_set(data, {"hellaswag/hellaswag_val.jsonl"}), whole);
    const std::filesystem::path train = data / "hellaswag" / "hellaswag_train.jsonl";
    if (std::filesystem::exists(train)) {
        task.pool = read_hellaswag(train, whole);
    } else {
        task.pool = task.questions;
        task.notes.emplace_back("examples are drawn from the validation questions: there are none for training");
    }
    if (whole) task.notes.emplace_back("rows have no ctx_a and ctx_b: contexts are ctx as it is");
    return task;
}

}  // namespace lapidary
