#pragma once

#include <lapidary/analysis/run_metrics.hpp>
#include <lapidary/analysis/section.hpp>
#include <lapidary/analysis/thinned.hpp>

#include <vector>

namespace lapidary {

namespace detail {

/// Means of buckets, with the lowest and highest where a bucket is more than a step.
inline Json thinned_json(const ThinnedSeries& series, Index width) {
    Json result{{"mean", shown(series.mean)}};
    if (width > 1) result.update({{"low", shown(series.low)}, {"high", shown(series.high)}});
    return result;
}

}  // namespace detail

/// What the report draws of a run's log: each curve in at most `points` buckets of equally many steps, with the
/// tokens and seconds up to the end of each. Deterministic. Throws Error(value) for fewer than two points.
inline Json training_section(const RunMetrics& metrics, Index points = 2000) {
    if (points < 2) throw Error(ErrorCode::value, "report", "charts of " + std::to_string(points) + " points");
    if (metrics.steps.empty()) {
        return detail::missing_section("No step is logged yet: `pretrain --run RUN` writes metrics.jsonl.");
    }
    const auto buckets = StepBuckets::covering(metrics.steps.front().step, metrics.steps.back().step, points);
    std::vector<Index> tokens(static_cast<std::size_t>(buckets.count));
    std::vector<double> seconds(static_cast<std::size_t>(buckets.count));
    Index all_tokens = 0;
    double all_seconds = 0;
    for (const StepRecord& record : metrics.steps) {
        all_tokens += record.tokens;
        if (std::isfinite(record.seconds)) all_seconds += record.seconds;
        tokens[buckets.of(record.step)] = all_tokens;
        seconds[buckets.of(record.step)] = all_seconds;
    }
    for (std::size_t i = 1; i < tokens.size(); ++i) {  // a log may have gaps
        if (tokens[i] != 0) continue;
        tokens[i] = tokens[i - 1];
        seconds[i] = seconds[i - 1];
    }
    Json result{{"first", buckets.first},
                {"width", buckets.width},
                {"count", buckets.count},
                {"logged", metrics.steps.size()},
                {"last_step", metrics.steps.back().step},
                {"last_chunk", metrics.steps.back().chunk},
                {"cut", metrics.cut},
                {"tokens", tokens},
                {"seconds", detail::shown(seconds, 6)}};
    const auto add = [&](const char* name, auto value) {
        result[name] = detail::thinned_json(thin(buckets, metrics.steps, value), buckets.width);
    };
    add("loss", [](const StepRecord& record) { return record.loss; });
    add("learning_rate", [](const StepRecord& record) { return record.learning_rate; });
    add("gradient_norm", [](const StepRecord& record) { return record.gradient_norm; });
    add("tokens_per_second", [](const StepRecord& record) { return record.tokens_per_second(); });
    result["validation"] = Json::array();
    for (const ValidationRecord& one : metrics.validation) {
        result["validation"].push_back({one.updates, detail::shown(one.loss)});
    }
    return result;
}

}  // namespace lapidary
