#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/train/record.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace lapidary {

/// A loss on held-out windows.
struct ValidationRecord {
    Index updates = 0;  ///< of the weights that it was measured with: one more than the step it is logged at
    double loss = 0;    ///< nats a token
};

/// What a run logged, by steps.
struct RunMetrics {
    std::vector<StepRecord> steps;             ///< steps ascend
    std::vector<ValidationRecord> validation;  ///< so do updates
    bool cut = false;                          ///< the last line was half written, and is left out
};

namespace detail {

/// A number of a log, where null stands for one that is not finite.
inline double logged_number(const Json& line, const char* key, const std::string& where) {
    const auto found = line.find(key);
    if (found != line.end() && found->is_null()) return std::numeric_limits<double>::quiet_NaN();
    return get<double>(line, key, where);
}

}  // namespace detail

/// Reads `metrics.jsonl`. A log that goes back was written on after a rewind: what it held from there on is
/// dropped, as `JsonLines` drops it. Lines of other kinds are passed over. Throws Error(io), and Error(format)
/// naming file and line.
inline RunMetrics read_metrics(const std::filesystem::path& file) {
    RunMetrics result;
    result.cut = !each_logged_line(file, [&](const Json& line, const std::string& where) {
        const auto count = [&](const char* key) {
            const auto value = get<Index>(line, key, where);
            if (value >= 0 && value <= Index{1} << 40) return value;
            throw Error(ErrorCode::format, "report", where + ": '" + key + "' is " + std::to_string(value));
        };
        const Index step = count("step");
        if (line.contains("validation_loss")) {
            std::erase_if(result.validation, [&](const auto& one) { return one.updates > step; });
            result.validation.push_back({step + 1, detail::logged_number(line, "validation_loss", where)});
        } else if (line.contains("loss")) {
            if (!result.steps.empty() && step <= result.steps.back().step) {
                std::erase_if(result.steps, [&](const auto& one) { return one.step >= step; });
                std::erase_if(result.validation, [&](const auto& one) { return one.updates > step; });
            }
            result.steps.push_back({.step = step,
                                    .tokens = count("tokens"),
                                    .loss = detail::logged_number(line, "loss", where),
                                    .learning_rate = detail::logged_number(line, "learning_rate", where),
                                    .gradient_norm = detail::logged_number(line, "gradient_norm", where),
                                    .seconds = detail::logged_number(line, "seconds", where),
                                    .chunk = count("chunk"),
                                    .chunk_finished = get<bool>(line, "chunk_finished", where)});
        }
    });
    return result;
}

}  // namespace lapidary
