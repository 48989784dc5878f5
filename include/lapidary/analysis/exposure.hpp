#pragma once

#include <lapidary/analysis/memorization_grid.hpp>
#include <lapidary/checkpoint/run_record.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/token_chunks.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace lapidary {

/// What a checkpoint has seen of a chunk.
enum class Seen { none, part, all };

inline std::string_view seen_name(Seen seen) {
    return seen == Seen::all ? "all" : seen == Seen::part ? "part" : "none";
}

/// What the first `steps` steps of a run have seen of a chunk: all, if they have passed over it (without the
/// windows that fill no batch, which a pass leaves out), part, if they were in the midst of it or passed over it
/// without some batches. Throws Error(value) if there is no such chunk, and as TokenChunks::steps_per_chunk.
inline Seen seen_of_chunk(const TokenChunks& data, const RunRecord& run, Index chunk, Index steps) {
    static_cast<void>(data.chunk(chunk));
    const Index in_chunk = data.steps_per_chunk(run.batch);
    const Index batches = run.decisions.batches_before(steps);
    const auto saw = [&](Index batch) {
        const std::optional<Index> step = run.decisions.trained_step_of(batch);
        return step && *step < steps;
    };
    Seen seen = Seen::none;
    for (Index first = chunk * in_chunk; first < batches;
         first += data.chunk_count() * in_chunk) {  // pass by pass
        Index count = 0;
        for (Index i = 0; i < in_chunk; ++i) count += saw(first + i) ? 1 : 0;
        if (count == in_chunk) return Seen::all;
        if (count > 0) seen = Seen::part;
    }
    return seen;
}

/// The chunk that the last of `steps` steps was in; nothing before the first.
inline std::optional<Index> latest_seen_chunk(const TokenChunks& data, Index steps, Index batch_size) {
    if (steps < 1) return std::nullopt;
    return (steps - 1) / data.steps_per_chunk(batch_size) % data.chunk_count();
}

/// What the checkpoints of a grid have seen of its sequences: a function of the run's batch and seed and of their
/// steps. Without a run, or for checkpoints whose step is not known, nothing is said. The data must outlive it.
class Exposure {
public:
    /// Throws Error(value) for a run whose batch is larger than a chunk.
    Exposure(const MemorizationGrid& grid, const TokenChunks& data, const std::optional<RunRecord>& run)
        : data_(&data), run_(run) {
        if (run) static_cast<void>(data.steps_per_chunk(run->batch));
        for (const auto& checkpoint : grid.checkpoints()) {
            steps_.push_back(run ? checkpoint.step : std::nullopt);
            times_.emplace_back();
            if (!steps_.back()) continue;
            for (const SampledWindow& window : grid.sample().windows) {
                times_.back().push_back(std::ssize(steps_that_saw(window, *steps_.back())));
            }
        }
    }

    /// Whether it is known what a checkpoint has seen.
    [[nodiscard]] bool known(std::size_t checkpoint) const { return steps_.at(checkpoint).has_value(); }
    [[nodiscard]] std::optional<Seen> seen(std::size_t checkpoint, Index chunk) const {
        if (!known(checkpoint)) return std::nullopt;
        return seen_of_chunk(*data_, *run_, chunk, *steps_[checkpoint]);
    }
    [[nodiscard]] std::optional<Index> latest_chunk(std::size_t checkpoint) const {
        return known(checkpoint) ? latest_seen_chunk(*data_, batches(checkpoint), run_->batch) : std::nullopt;
    }
    /// How often a checkpoint has seen sequence `i` of the sample.
    [[nodiscard]] std::optional<Index> times_seen(std::size_t checkpoint, Index i) const {
        if (!known(checkpoint)) return std::nullopt;
        return times_[checkpoint].at(static_cast<std::size_t>(i));
    }
    /// The steps before a checkpoint that saw a window, in order; none where it is not known.
    [[nodiscard]] std::vector<Index> steps_of(std::size_t checkpoint, const SampledWindow& window) const {
        return known(checkpoint) ? steps_that_saw(window, *steps_[checkpoint]) : std::vector<Index>();
    }

private:
    /// How far in the data it is: after rewinding, further than its steps.
    [[nodiscard]] Index batches(std::size_t checkpoint) const {
        return run_->decisions.batches_before(*steps_[checkpoint]);
    }
    [[nodiscard]] std::vector<Index> steps_that_saw(const SampledWindow& window, Index steps) const {
        return lapidary::steps_that_saw(*run_, *data_, window.chunk, window.row, steps);
    }

    const TokenChunks* data_;
    std::optional<RunRecord> run_;
    std::vector<std::optional<Index>> steps_;  // of each checkpoint
    std::vector<std::vector<Index>> times_;    // of each checkpoint and sequence
};

}  // namespace lapidary
