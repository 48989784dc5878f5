#pragma once

#include <lapidary/eval/arc.hpp>
#include <lapidary/eval/hellaswag.hpp>
#include <lapidary/eval/mmlu.hpp>
#include <lapidary/eval/truthfulqa.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

/// The names that `choice_tasks` knows.
inline constexpr const char* choice_task_names[] = {"arc_easy", "arc_challenge",  "hellaswag",
                                                    "mmlu",     "truthfulqa_mc1", "truthfulqa_mc2"};

/// The published set of a name, read from a directory of sets in their own files: one task, or as many as there
/// are subjects. Throws Error(value) listing the names, and what reading throws.
inline std::vector<ChoiceTask> choice_tasks(const std::string& name, const std::filesystem::path& data) {
    if (name == "arc_easy") return {arc_task(name, "Easy", data)};
    if (name == "arc_challenge") return {arc_task(name, "Challenge", data)};
    if (name == "hellaswag") return {hellaswag_task(data)};
    if (name == "mmlu") return mmlu_tasks(data);
    if (name == "truthfulqa_mc1") return {truthfulqa_task(1, data)};
    if (name == "truthfulqa_mc2") return {truthfulqa_task(2, data)};
    std::string names;
    for (const char* known : choice_task_names) names += (names.empty() ? "" : ", ") + std::string(known);
    throw Error(ErrorCode::value, "evaluate", "no task " + quote(name) + "; there are " + names);
}

}  // namespace lapidary
