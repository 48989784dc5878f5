#pragma once

#include <lapidary/eval/json_rows.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lapidary {

/// A text for a model to complete, and by what name its completion is scored.
struct CodeProblem {
    Json task_id;
    std::string prompt;
};

/// Problems, and what ends a completion.
struct CodeProblems {
    std::vector<CodeProblem> problems;
    std::vector<std::string> stops;
};

/// HumanEval in its own format, `HumanEval.jsonl.gz` or unpacked: a completion ends before the next class,
/// function, comment, condition or print on the outermost level. Throws Error(io), Error(format) naming file, line
/// and key.
///
/// Source: LM Evaluation Harness 0.4.13, tasks/humaneval/humaneval.yaml.
inline CodeProblems read_humaneval(const std::filesystem::path& file) {
    CodeProblems result{{}, {"\nclass", "\ndef", "\n#", "\nif", "\nprint"}};
    each_json_row(file, [&](const Json& row, const std::string& where) {
        result.problems.push_back(
            {get<std::string>(row, "task_id", where), get<std::string>(row, "prompt", where)});
    });
    return result;
}

/// The test problems of MBPP in its own format (task_id 11 to 510), behind three solved ones (2, 3 and 4, or what
/// of 1 to 10 follows where one of these is not there). A completion ends before `[DONE]`. Throws Error(io),
/// Error(format) naming file, line and key, also where there are not three to show.
///
/// Source: LM Evaluation Harness 0.4.13, tasks/mbpp/mbpp.yaml.
inline CodeProblems read_mbpp(const std::filesystem::path& file) {
    CodeProblems result{{}, {"[DONE]"}};
    std::map<Index, std::string> solved;
    each_json_row(file, [&](const Json& row, const std::string& where) {
        const auto id = get<Index>(row, "task_id", where);
        const auto tests = get<std::vector<std::string>>(row, "test_list", where);
        if (tests.size() < 3) {
            throw Error(ErrorCode::format, "mbpp", where + ": 'test_list' must hold three tests");
        }
        const std::string prompt =
            "You are an expert Python programmer, and here is your task: " + get<std::string>(row, "text", where) +
            " Your code should pass these tests:\n\n" + tests[0] + "\n" + tests[1] + "\n" + tests[2] +
            "\n[BEGIN]\n";
        if (id >= 2 && id <= 10) solved[id] = prompt + get<std::string>(row, "code", where) + "\n[DONE]\n\n";
        if (id >= 11 && id <= 510) result.problems.push_back({id, prompt});
    });
    if (solved.size() < 3) {
        throw Error(ErrorCode::format, "mbpp",
                    file.string() + ": holds " + std::to_string(solved.size()) +
                        " of the problems 2 to 10, of which three are shown solved");
    }
    std::string examples;
    for (auto example = solved.begin(); example != std::next(solved.begin(), 3); ++example)
        examples += example->second;
    for (CodeProblem& problem : result.problems) problem.prompt.insert(0, examples);
    return result;
}

}  // namespace lapidary
