#pragma once

#include <lapidary/analysis/correlation.hpp>
#include <lapidary/analysis/exposure.hpp>
#include <lapidary/analysis/memorization_grid.hpp>
#include <lapidary/core/version.hpp>
#include <lapidary/io/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

inline constexpr const char* memorization_format = "lapidary memorization 1";

namespace detail {

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

inline Json tally_json(const MemorizationTally& tally) {
    const bool any = tally.sequences > 0;
    return {{"mean_score", any ? Json(tally.mean_score()) : Json()},
            {"extractable", any ? Json(tally.extractable_share()) : Json()},
            {"count", tally.sequences}};
}

inline Json correlation_json(const std::vector<std::vector<double>>& series) {
    Json rows = Json::array();
    for (const auto& row : correlation_matrix(series)) {
        rows.push_back(Json::array());
        for (const std::optional<double>& r : row) rows.back().push_back(or_null(r));
    }
    return rows;
}

inline Json checkpoint_json(const MemorizationGrid& grid, const Exposure& exposure, std::size_t c) {
    const auto of_seen = [&](bool seen) {
        if (!exposure.known(c)) return Json();
        return tally_json(grid.tally(c, [&](Index i) { return (*exposure.times_seen(c, i) > 0) == seen; }));
    };
    Json result{{"name", grid.checkpoints()[c].name},
                {"step", or_null(grid.checkpoints()[c].step)},
                {"latest_seen_chunk", or_null(exposure.latest_chunk(c))}};
    result.update(tally_json(grid.tally(c)));
    result["seen"] = of_seen(true);
    result["unseen"] = of_seen(false);
    return result;
}

inline Json chunks_json(const MemorizationGrid& grid, const Exposure& exposure, std::size_t c) {
    Json row = Json::array();
    for (const MemorizationTally& tally : grid.by_chunk(c)) {
        const std::optional<Seen> seen = exposure.seen(c, grid.sample().chunks[row.size()]);
        row.push_back(tally_json(tally));
        row.back()["seen"] = seen ? Json(seen_name(*seen)) : Json();
    }
    return row;
}

inline Json best_json(const MemorizationGrid& grid, const TokenChunks& data, const Exposure& exposure,
                      Index best) {
    Json list = Json::array();
    const std::size_t count = grid.checkpoints().size();
    for (const Index i : grid.best(best)) {
        const SampledWindow& window = grid.sample().windows[static_cast<std::size_t>(i)];
        Json right = Json::array();
        for (std::size_t c = 0; c < count; ++c) right.push_back(grid.right(c, i));
        list.push_back(
            {{"sequence", i},
             {"chunk", window.chunk},
             {"row", window.row},
             {"source", data.sources().at(static_cast<std::size_t>(window.source))},
             {"matches", std::move(right)},
             {"seen", exposure.known(count - 1) ? Json(exposure.steps_of(count - 1, window)) : Json()}});
    }
    return list;
}

}  // namespace detail

/// A grid and all that follows from it, for files and reports; `best`: how many sequences to name, those that the
/// last checkpoint knows best. What is not known or not defined is null. Throws Error(value) for a grid without
/// checkpoints.
///
/// `grid` and `by_source` have a row a checkpoint and in it a cell a chunk; `seen` tells cells apart by chunk
/// ("all", "part", "none"), and the sequences of a checkpoint one by one (`checkpoints`). `matches` counts the
/// tokens that each checkpoint had right; `sequence` is the index into the tensors.
inline Json memorization_json(const MemorizationGrid& grid, const TokenChunks& data, const Exposure& exposure,
                              Index best = 20) {
    if (grid.checkpoints().empty()) throw Error(ErrorCode::value, "memorization", "there is no checkpoint");
    const MemorizationSample& sample = grid.sample();
    Json result{{"format", memorization_format},       {"version", version},        {"prefix", sample.prefix},
                {"continuation", sample.continuation}, {"sources", data.sources()}, {"chunks", sample.chunks}};
    Json prediction = Json::array();
    std::vector<std::vector<double>> scores, extractable;
    for (std::size_t c = 0; c < grid.checkpoints().size(); ++c) {
        result["checkpoints"].push_back(detail::checkpoint_json(grid, exposure, c));
        result["grid"].push_back(detail::chunks_json(grid, exposure, c));
        for (std::size_t s = 0; s < data.sources().size(); ++s) {
            Json row = Json::array();
            for (const auto& tally : grid.by_chunk(c, static_cast<Index>(s)))
                row.push_back(detail::tally_json(tally));
            result["by_source"][data.sources()[s]].push_back(std::move(row));
        }
        result["histogram"].push_back(grid.histogram(c));
        result["by_position"].push_back(grid.by_position(c));
        scores.push_back(grid.scores(c));
        extractable.push_back(grid.extractable(c));
        const MemorizationPrediction last = grid.prediction(c);
        prediction.push_back({{"checkpoint", grid.checkpoints()[c].name},
                              {"precision", detail::or_null(last.precision)},
                              {"recall", detail::or_null(last.recall)}});
    }
    result["correlation"] = {{"scores", detail::correlation_json(scores)},
                             {"extractable", detail::correlation_json(extractable)}};
    result["prediction"] = std::move(prediction);
    result["memorized"] = detail::best_json(grid, data, exposure, best);
    return result;
}

}  // namespace lapidary
