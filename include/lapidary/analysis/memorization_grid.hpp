#pragma once

#include <lapidary/analysis/memorization_sample.hpp>
#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// What sequences of one kind came to. Shares of no sequences are NaN.
struct MemorizationTally {
    Index length = 0;  ///< l: tokens that are compared of each sequence
    Index sequences = 0;
    Index matched = 0;      ///< tokens that were right, of all
    Index extractable = 0;  ///< sequences of which all l were right

    void add(Index right) {
        ++sequences;
        matched += right;
        extractable += right == length ? 1 : 0;
    }
    /// The mean of score(k, l) = right / l.
    [[nodiscard]] double mean_score() const {
        return static_cast<double>(matched) / static_cast<double>(sequences * length);
    }
    /// The share of k-extractable sequences.
    [[nodiscard]] double extractable_share() const {
        return static_cast<double>(extractable) / static_cast<double>(sequences);
    }
};

/// A checkpoint's set of extractable sequences as a prediction of the last one's.
struct MemorizationPrediction {
    std::optional<double> precision;  ///< share of its set that is in the last one's; nothing if its set is empty
    std::optional<double> recall;     ///< share of the last one's that is in its set; nothing if that is empty
};

/// How well checkpoints of a run know the sequences of one sample: what `matches` gave for each, and what follows.
/// Definitions: Biderman et al., "Emergent and predictable memorization in large language models", 2023.
class MemorizationGrid {
public:
    struct Checkpoint {
        std::string name;
        std::optional<Index> step;          ///< that it was taken after, if it is known
        std::vector<std::uint8_t> matches;  ///< [sequences, l], 1 where the token was right
        std::vector<Index> right;           ///< of each sequence, how many tokens were
    };

    explicit MemorizationGrid(MemorizationSample sample) : sample_(std::move(sample)) {}

    /// The next checkpoint; of a run in the order of their steps. Throws Error(shape) unless there is a match for
    /// each token that the sample compares.
    void add(std::string name, std::optional<Index> step, std::vector<std::uint8_t> matches) {
        const Index length = sample_.continuation;
        if (static_cast<Index>(matches.size()) != sample_.size() * length) {
            throw Error(ErrorCode::shape, "memorization",
                        name + ": " + std::to_string(matches.size()) + " matches, expected " +
                            std::to_string(sample_.size()) + " times " + std::to_string(length));
        }
        std::vector<Index> right;
        for (auto it = matches.begin(); it != matches.end(); it += length) {
            right.push_back(std::accumulate(it, it + length, Index{0}));
        }
        checkpoints_.push_back({std::move(name), step, std::move(matches), std::move(right)});
    }

    [[nodiscard]] const MemorizationSample& sample() const { return sample_; }
    [[nodiscard]] const std::vector<Checkpoint>& checkpoints() const { return checkpoints_; }
    /// How many tokens of sequence `i` a checkpoint had right.
    [[nodiscard]] Index right(std::size_t checkpoint, Index i) const {
        return checkpoints_.at(checkpoint).right.at(static_cast<std::size_t>(i));
    }

    /// Of the sequences `i` for which `select(i)`.
    template <class Select>
    [[nodiscard]] MemorizationTally tally(std::size_t checkpoint, Select&& select) const {
        MemorizationTally result{sample_.continuation};
        for (Index i = 0; i < sample_.size(); ++i) {
            if (select(i)) result.add(right(checkpoint, i));
        }
        return result;
    }
    [[nodiscard]] MemorizationTally tally(std::size_t checkpoint) const {
        return tally(checkpoint, [](Index) { return true; });
    }
    /// Of each chunk, in the order of the sample's; with `source` of what comes from this one.
    [[nodiscard]] std::vector<MemorizationTally> by_chunk(std::size_t checkpoint,
                                                          std::optional<Index> source = {}) const {
        std::vector<MemorizationTally> result(sample_.chunks.size(), {sample_.continuation});
        std::size_t at = 0;
        for (Index i = 0; i < sample_.size(); ++i) {
            const SampledWindow& window = sample_.windows[static_cast<std::size_t>(i)];
            while (sample_.chunks[at] != window.chunk) ++at;
            if (!source || window.source == *source) result[at].add(right(checkpoint, i));
        }
        return result;
    }
    /// How many sequences had 0, 1, ... l tokens right.
    [[nodiscard]] std::vector<Index> histogram(std::size_t checkpoint) const {
        std::vector<Index> result(static_cast<std::size_t>(sample_.continuation) + 1);
        for (const Index right : checkpoints_.at(checkpoint).right) ++result[static_cast<std::size_t>(right)];
        return result;
    }
    /// Of each of the l positions, the share of sequences whose token there was right.
    [[nodiscard]] std::vector<double> by_position(std::size_t checkpoint) const {
        const auto length = static_cast<std::size_t>(sample_.continuation);
        std::vector<double> result(length);
        const auto& matches = checkpoints_.at(checkpoint).matches;
        for (std::size_t at = 0; at < matches.size(); ++at) result[at % length] += matches[at];
        for (double& share : result) share /= static_cast<double>(sample_.size());
        return result;
    }
    /// The score of each sequence.
    [[nodiscard]] std::vector<double> scores(std::size_t checkpoint) const {
        std::vector<double> result;
        for (const Index right : checkpoints_.at(checkpoint).right) {
            result.push_back(static_cast<double>(right) / static_cast<double>(sample_.continuation));
        }
        return result;
    }
    /// 1 for each sequence that is extractable, else 0.
    [[nodiscard]] std::vector<double> extractable(std::size_t checkpoint) const {
        std::vector<double> result;
        for (const Index right : checkpoints_.at(checkpoint).right) {
            result.push_back(right == sample_.continuation ? 1 : 0);
        }
        return result;
    }
    /// How well what a checkpoint has memorized tells what the last one will have.
    [[nodiscard]] MemorizationPrediction prediction(std::size_t checkpoint) const {
        const auto& own = checkpoints_.at(checkpoint).right;
        const auto& final = checkpoints_.back().right;
        Index predicted = 0, memorized = 0, both = 0;
        for (std::size_t i = 0; i < own.size(); ++i) {
            const bool is = own[i] == sample_.continuation, will_be = final[i] == sample_.continuation;
            predicted += is, memorized += will_be, both += is && will_be;
        }
        const auto share = [&](Index of) {
            return of > 0 ? std::optional(static_cast<double>(both) / static_cast<double>(of)) : std::nullopt;
        };
        return {share(predicted), share(memorized)};
    }
    /// The sequences that the last checkpoint knows best, at most `count`; of equals those that more tokens were
    /// right of in all checkpoints together, then those that come first.
    [[nodiscard]] std::vector<Index> best(Index count) const {
        std::vector<Index> order(static_cast<std::size_t>(sample_.size())), sum(order.size());
        std::iota(order.begin(), order.end(), Index{0});
        for (const Checkpoint& checkpoint : checkpoints_) {
            for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += checkpoint.right[i];
        }
        const auto key = [&](Index i) {
            return std::pair(-checkpoints_.back().right[static_cast<std::size_t>(i)],
                             -sum[static_cast<std::size_t>(i)]);
        };
        std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return key(a) < key(b); });
        order.resize(static_cast<std::size_t>(std::min(count, sample_.size())));
        return order;
    }

private:
    MemorizationSample sample_;
    std::vector<Checkpoint> checkpoints_;
};

}  // namespace lapidary
