#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/batch.hpp>
#include <lapidary/text/chat_encoder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// How examples become windows of T + 1 tokens.
enum class Packing {
    none,   ///< an example a window, its first T tokens (AMBERCHAT, AMBERSAFE); padding behind it
    whole,  ///< as many whole examples, in order, as fit, a long one cut to T + 1 tokens; padding behind them
    cut,    ///< examples end to end, cut every T + 1 tokens, what is left at the end dropped (CRYSTALCHAT)
};

struct ChatWindowRule {
    Index context = 2048;  ///< T
    TokenId pad = 0;       ///< AMBERCHAT: the unknown token
    Packing packing = Packing::none;
    /// Keep the examples of a window apart: none sees another (`Batch::starts`), nor is its first token learned
    /// from what stands before it. CRYSTALCHAT was trained without.
    bool apart = false;
    /// Leave out windows in which nothing counts, as CRYSTALCHAT does. FastChat trains on them, to no effect but
    /// on the mean of a batch.
    bool drop_silent = true;
};

/// Windows of conversations for training, in the order in which their examples were added: a pure function of
/// these and the rule. Memory: 5 bytes a token.
class ChatWindows {
public:
    /// Throws Error(value) if the context is not positive.
    explicit ChatWindows(const ChatWindowRule& rule) : rule_(rule) {
        if (rule.context < 1) {
            throw Error(ErrorCode::value, "chat_windows",
                        "a context of " + std::to_string(rule.context) + " tokens");
        }
    }

    /// Adds an example; one without ids is passed over.
    void add(const ChatTokens& example) {
        if (example.ids.empty()) return;
        auto count = static_cast<Index>(example.ids.size());
        if (rule_.packing != Packing::cut) {
            const Index longest = rule_.context + (rule_.packing == Packing::whole ? 1 : 0);
            lost_ += std::max<Index>(0, count - longest);
            count = std::min(count, longest);
            if (rule_.packing == Packing::none || held() - open_ + count > longest) close(held());
        }
        begins_.push_back(held());
        ids_.insert(ids_.end(), example.ids.begin(), example.ids.begin() + static_cast<std::ptrdiff_t>(count));
        counts_.insert(counts_.end(), example.counts.begin(),
                       example.counts.begin() + static_cast<std::ptrdiff_t>(count));
        if (rule_.packing == Packing::cut) {
            while (held() - open_ > rule_.context) close(open_ + rule_.context + 1);
        }
    }

    /// Call it behind the last example: closes the last window, or drops what would not fill one.
    void finish() {
        if (rule_.packing != Packing::cut) return close(held());
        lost_ += held() - open_;
        open_ = held();
    }

    /// How many windows there are.
    [[nodiscard]] Index size() const { return static_cast<Index>(windows_.size()); }
    /// Tokens of the examples that are in no window, because they are too long or at the end.
    [[nodiscard]] Index lost_tokens() const { return lost_; }
    /// Windows left out because nothing in them counts.
    [[nodiscard]] Index silent_windows() const { return silent_; }

    /// Some of the windows, with their mask and, if examples are kept apart, their starts; padding is a document
    /// of its own. `step`, `epoch` and `chunk` are the caller's. Throws Error(value) for a row that is not there.
    [[nodiscard]] Batch batch(std::span<const Index> rows) const {
        Batch batch;
        batch.batch = static_cast<Index>(rows.size());
        batch.context = rule_.context;
        batch.rows.assign(rows.begin(), rows.end());
        for (const Index row : rows) {
            if (row < 0 || row >= size()) {
                throw Error(ErrorCode::value, "chat_windows",
                            "window " + std::to_string(row) + " of " + std::to_string(size()) +
                                (size() == 0 ? "; the last ones are there after finish()" : ""));
            }
            write(windows_[static_cast<std::size_t>(row)], batch);
        }
        return batch;
    }

private:
    struct Window {
        Index begin;
        Index end;
    };

    [[nodiscard]] Index held() const { return static_cast<Index>(ids_.size()); }

    /// Whether token `i` is learned in a window that begins at `begin`.
    [[nodiscard]] bool learned(Index begin, Index i) const {
        if (i <= begin || counts_[static_cast<std::size_t>(i)] == 0) return false;
        return !rule_.apart || !std::binary_search(begins_.begin(), begins_.end(), i);
    }

    void close(Index end) {
        if (end == open_) return;
        Index i = open_;
        while (i < end && !learned(open_, i)) ++i;
        if (i < end || !rule_.drop_silent) {
            windows_.push_back({open_, end});
        } else {
            ++silent_;
        }
        open_ = end;
    }

    void write(const Window& window, Batch& batch) const {
        const Index length = window.end - window.begin;
        const auto token = [&](Index i) { return ids_[static_cast<std::size_t>(window.begin + i)]; };
        for (Index i = 0; i <= rule_.context; ++i) batch.tokens.push_back(i < length ? token(i) : rule_.pad);
        for (Index i = 1; i <= rule_.context; ++i) {
            batch.mask.push_back(i < length && learned(window.begin, window.begin + i) ? 1 : 0);
        }
        if (!rule_.apart) return;
        auto next = std::upper_bound(begins_.begin(), begins_.end(), window.begin);
        Index start = 0;
        for (Index i = 0; i < rule_.context; ++i) {
            const bool begins = i < length && next != begins_.end() && *next == window.begin + i;
            if (begins) ++next;
            if (begins || i == length) start = i;
            batch.starts.push_back(static_cast<std::int32_t>(start));
        }
    }

    ChatWindowRule rule_;
    std::vector<TokenId> ids_;          // of all examples, end to end
    std::vector<std::uint8_t> counts_;  // of each id
    std::vector<Index> begins_;         // of examples among the ids
    std::vector<Window> windows_;       // ranges of ids
    Index open_ = 0;                    // where the window begins that is not closed yet
    Index lost_ = 0;
    Index silent_ = 0;
};

}  // namespace lapidary
