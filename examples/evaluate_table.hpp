#pragma once

#include <lapidary/eval/evaluation.hpp>

#include <cstdio>
#include <string>

/// For people: results as a table, the subjects of MMLU last.
inline void print_table(const lapidary::Evaluation& evaluation) {
    using namespace lapidary;
    std::printf("%-36s %5s %9s  %-16s %8s %8s\n", "task", "shots", "questions", "metric", "value", "stderr");
    for (const bool subjects : {false, true}) {
        for (const ChoiceResult& result : evaluation.choices) {
            if (result.group.empty() == subjects) continue;
            for (const auto& [metric, estimate] : result.metrics) {
                std::printf("%-36s %5ld %9ld  %-16s %8.4f %8.4f\n", result.name.c_str(), result.shots,
                            result.questions, metric.c_str(), estimate.value, estimate.standard_error);
            }
        }
    }
    for (const auto& [name, texts] : evaluation.texts) {
        const std::pair<const char*, double> rows[] = {{"word_perplexity", texts.per_word()},
                                                       {"byte_perplexity", texts.per_byte()},
                                                       {"bits_per_byte", texts.bits_per_byte()},
                                                       {"token_perplexity", texts.per_token()}};
        for (const auto& [metric, value] : rows) {
            std::printf("%-36s %5s %9ld  %-16s %8.4g\n", name.c_str(), "", texts.documents, metric, value);
        }
    }
    for (const ChoiceResult& result : evaluation.choices) {
        for (const std::string& note : result.notes) std::printf("%s: %s\n", result.name.c_str(), note.c_str());
    }
}
