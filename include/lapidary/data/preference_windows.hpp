#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/batch.hpp>
#include <lapidary/data/preference_tokens.hpp>
#include <lapidary/io/json_parse.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

struct PreferenceWindowRule {
    Index context = 512;  ///< T
    TokenId pad = 0;
};

/// What became of pairs.
struct PreferenceCounts {
    Index taken = 0;
    Index ambiguous = 0;  ///< left out: a text spells marks of the template
    Index identical = 0;  ///< left out: cut to the context, both are the same ids
    Index silent = 0;     ///< left out: cut to the context, nothing of one of the replies counts
    Index cut = 0;        ///< of those taken, how many lost tokens to the context

    [[nodiscard]] Index left_out() const { return ambiguous + identical + silent; }
    [[nodiscard]] Json json() const {
        return {{"taken", taken},
                {"ambiguous", ambiguous},
                {"identical", identical},
                {"silent", silent},
                {"cut", cut}};
    }
};

/// Pairs of answers for training, in the order in which they were added: a pure function of these and the rule.
/// Each answer with its prompt is a window of its own, its first T + 1 tokens, padding behind them. Memory: 5
/// bytes a token.
class PreferenceWindows {
public:
    /// Throws Error(value) if the context is not positive.
    explicit PreferenceWindows(const PreferenceWindowRule& rule) : rule_(rule) {
        if (rule.context < 1) {
            throw Error(ErrorCode::value, "preference_windows",
                        "a context of " + std::to_string(rule.context) + " tokens");
        }
    }

    /// Adds a pair, unless it is left out; whether it was added.
    bool add(const PreferenceTokens& pair) {
        if (pair.chosen.ambiguous || pair.rejected.ambiguous) return ++counts_.ambiguous, false;
        const Index chosen = kept(pair.chosen), rejected = kept(pair.rejected);
        const auto same = [](const auto& a, Index count, const auto& b) {
            return std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(count), b.begin());
        };
        if (chosen == rejected && same(pair.chosen.ids, chosen, pair.rejected.ids)) {
            return ++counts_.identical, false;
        }
        if (!counts_any(pair.chosen, chosen) || !counts_any(pair.rejected, rejected)) {
            return ++counts_.silent, false;
        }
        const auto lost = [](const ChatTokens& tokens, Index count) {
            return static_cast<Index>(tokens.ids.size()) > count;
        };
        counts_.cut += lost(pair.chosen, chosen) || lost(pair.rejected, rejected) ? 1 : 0;
        hold(pair.chosen, chosen);
        hold(pair.rejected, rejected);
        ++counts_.taken;
        return true;
    }

    /// How many pairs there are.
    [[nodiscard]] Index size() const { return counts_.taken; }
    [[nodiscard]] const PreferenceCounts& counts() const { return counts_; }

    /// Some of the pairs: of the i-th, row 2i is the answer chosen, row 2i + 1 the one rejected; the mask counts
    /// the replies alone. `Batch::rows` holds 2p and 2p + 1 for pair p; `step`, `epoch` and `chunk` are the
    /// caller's. Throws Error(value) for a pair that is not there.
    [[nodiscard]] Batch batch(std::span<const Index> pairs) const {
        Batch batch;
        batch.batch = 2 * static_cast<Index>(pairs.size());
        batch.context = rule_.context;
        for (const Index pair : pairs) {
            if (pair < 0 || pair >= size()) {
                throw Error(ErrorCode::value, "preference_windows",
                            "pair " + std::to_string(pair) + " of " + std::to_string(size()));
            }
            for (const Index row : {2 * pair, 2 * pair + 1}) {
                batch.rows.push_back(row);
                write(static_cast<std::size_t>(row), batch);
            }
        }
        return batch;
    }

private:
    [[nodiscard]] Index kept(const ChatTokens& tokens) const {
        return std::min(static_cast<Index>(tokens.ids.size()), rule_.context + 1);
    }
    /// The first token is nobody's label.
    static bool counts_any(const ChatTokens& tokens, Index count) {
        const auto end = tokens.counts.begin() + static_cast<std::ptrdiff_t>(count);
        return count > 1 && std::find(tokens.counts.begin() + 1, end, 1) != end;
    }
    void hold(const ChatTokens& tokens, Index count) {
        ids_.insert(ids_.end(), tokens.ids.begin(), tokens.ids.begin() + static_cast<std::ptrdiff_t>(count));
        learned_.insert(learned_.end(), tokens.counts.begin(),
                        tokens.counts.begin() + static_cast<std::ptrdiff_t>(count));
        ends_.push_back(ids_.size());
    }
    void write(std::size_t row, Batch& batch) const {
        const std::size_t begin = row == 0 ? 0 : ends_[row - 1], length = ends_[row] - begin;
        const auto width = static_cast<std::size_t>(rule_.context) + 1;
        for (std::size_t i = 0; i < width; ++i) batch.tokens.push_back(i < length ? ids_[begin + i] : rule_.pad);
        for (std::size_t i = 1; i < width; ++i) batch.mask.push_back(i < length ? learned_[begin + i] : 0);
    }

    PreferenceWindowRule rule_;
    std::vector<TokenId> ids_;           // of all answers, end to end, chosen and rejected in turn
    std::vector<std::uint8_t> learned_;  // of each id: whether it counts
    std::vector<std::size_t> ends_;      // of each answer among the ids
    PreferenceCounts counts_;
};

}  // namespace lapidary
