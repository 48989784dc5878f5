#pragma once

#include <cmath>
#include <limits>
#include <numeric>
#include <span>

// Means of scores and how far they may be off, as the LM Evaluation Harness 0.4.13 computes them (api/metrics.py).

namespace lapidary {

/// A mean and its standard error; an error that cannot be told is NaN.
struct Estimate {
    double value = std::numeric_limits<double>::quiet_NaN();
    double standard_error = std::numeric_limits<double>::quiet_NaN();
};

/// The mean of scores, and the sample's standard deviation by the root of their number: `mean`, `mean_stderr`.
/// Of one score the error is not known.
inline Estimate mean_of(std::span<const double> scores) {
    const auto count = static_cast<double>(scores.size());
    Estimate result;
    result.value = std::accumulate(scores.begin(), scores.end(), 0.0) / count;
    double squares = 0;
    for (const double score : scores) squares += (score - result.value) * (score - result.value);
    if (scores.size() > 1) result.standard_error = std::sqrt(squares / (count - 1)) / std::sqrt(count);
    return result;
}

/// The mean of a group of tasks of which each question counts alike: `aggregate_subtask_metrics` and
/// `pooled_sample_stderr`, the error of a pooled variance. `sizes`: questions of each task.
inline Estimate mean_by_size(std::span<const Estimate> tasks, std::span<const double> sizes) {
    double sum = 0, variances = 0, questions = 0;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const double error = tasks[i].standard_error;
        sum += tasks[i].value * sizes[i];
        variances += (sizes[i] - 1) * error * error * sizes[i];
        questions += sizes[i];
    }
    const double pooled = variances / (questions - static_cast<double>(tasks.size()));
    return {sum / questions, std::sqrt(pooled / questions)};
}

/// The mean of a group of which each task counts alike; the error is `unweighted_mean_stderr`.
inline Estimate mean_by_task(std::span<const Estimate> tasks) {
    double sum = 0, squares = 0;
    for (const Estimate& task : tasks) {
        sum += task.value;
        squares += task.standard_error * task.standard_error;
    }
    const auto count = static_cast<double>(tasks.size());
    return {sum / count, std::sqrt(squares) / count};
}

}  // namespace lapidary
