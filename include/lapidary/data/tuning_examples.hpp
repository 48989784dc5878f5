#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/in_parallel.hpp>
#include <lapidary/data/preference_tokens.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/record_faults.hpp>
#include <lapidary/data/split_conversation.hpp>
#include <lapidary/io/json_parse.hpp>
#include <lapidary/text/chat_encoder.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <range/v3/view/iota.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// How conversations and preferences become examples.
struct TuningExampleRule {
    std::optional<SplitRule> split{};    ///< of conversations: cut into pieces (AMBERCHAT)
    std::optional<ReplyLimits> reply{};  ///< only the last reply counts, all cut to this (AMBERSAFE)
    BadDocuments on_ambiguous = BadDocuments::skip;
    int workers = 1;  ///< threads; they change nothing
    /// Called with the items that are done and those there are.
    std::function<void(Index done, Index total)> progress{};
};

/// What became of items.
struct TuningExampleCounts {
    Index items = 0;       ///< conversations or preferences
    Index examples = 0;    ///< taken: pieces of conversations, or pairs
    Index dropped = 0;     ///< left out: turns that are in no piece (`SplitRule`), and last ones without an answer
    Index misordered = 0;  ///< left out: pieces in which user and assistant do not take turns
    Index ambiguous = 0;   ///< left out: their text spells marks of the template
    Index tokens = 0;      ///< of the examples; of a pair both
    Index counted = 0;     ///< of these, what the model learns to write
    Index cut = 0;         ///< tokens left out of the examples (`ReplyLimits`)

    [[nodiscard]] Json json() const {
        return {{"items", items},           {"examples", examples},
                {"dropped_turns", dropped}, {"misordered", misordered},
                {"ambiguous", ambiguous},   {"tokens", tokens},
                {"counted", counted},       {"cut", cut}};
    }
};

namespace detail {

/// Counts examples, and says what becomes of an ambiguous one.
class ExampleCounter {
public:
    ExampleCounter(const TuningExampleRule& rule, std::span<const std::string> places, std::size_t items)
        : rule_(rule), places_(places) {
        counts.items = static_cast<Index>(items);
    }

    TuningExampleCounts counts;

    /// Whether an example of an item, ambiguous or not, is taken.
    bool takes(Index item, bool ambiguous) {
        if (ambiguous && rule_.on_ambiguous == BadDocuments::fail) {
            const auto at = static_cast<std::size_t>(item);
            throw BadRecord(RecordFault::ambiguous,
                            at < places_.size() ? places_[at] : "item " + std::to_string(item + 1),
                            "its text spells marks of the template");
        }
        ++(ambiguous ? counts.ambiguous : counts.examples);
        return !ambiguous;
    }
    void add(const ChatTokens& tokens) {
        counts.tokens += static_cast<Index>(tokens.ids.size());
        counts.cut += tokens.cut;
        counts.counted += static_cast<Index>(std::count(tokens.counts.begin(), tokens.counts.end(), 1));
    }
    void done(Index item) const {
        if (rule_.progress) rule_.progress(item + 1, counts.items);
    }

private:
    const TuningExampleRule& rule_;
    std::span<const std::string> places_;
};

}  // namespace detail

/// Calls `take(item, tokens)` for the examples of conversations, in order: encoded, cut into pieces and to limits
/// as the rule says. Those that are ambiguous are left out and counted, or an Error(format); `places` says where
/// each conversation is from. A pure function, whatever the number of workers. Throws what `ChatEncoder::encode`
/// throws.
inline TuningExampleCounts encode_conversations(const ChatEncoder& encoder,
                                                std::span<const Conversation> conversations,
                                                std::span<const std::string> places, const TuningExampleRule& rule,
                                                const std::function<void(Index item, ChatTokens&&)>& take) {
    struct Pieces {
        std::vector<ChatTokens> examples;
        Index misordered = 0, dropped = 0;
    };
    const auto encode = [&](std::size_t i) {
        Pieces pieces;
        const auto add = [&](const Conversation& piece) {
            if (!roles_alternate(piece)) {
                ++pieces.misordered;
            } else {
                pieces.examples.push_back(rule.reply ? encode_reply(encoder, piece, *rule.reply)
                                                     : encoder.encode(piece));
            }
        };
        if (!rule.split) {
            Conversation answered = conversations[i];  // what nobody answers teaches nothing
            if (!answered.turns.empty() && answered.turns.back().role == ChatRole::user) {
                answered.turns.pop_back();
                ++pieces.dropped;
            }
            if (!answered.turns.empty()) add(answered);
        } else {
            pieces.dropped = std::ssize(conversations[i].turns);
            for (const auto& piece : split_conversation(conversations[i], encoder.tokenizer(), *rule.split)) {
                pieces.dropped -= std::ssize(piece.turns);
                add(piece);
            }
        }
        return pieces;
    };
    detail::ExampleCounter counter(rule, places, conversations.size());
    Index item = 0;
    for (auto&& pieces :
         ranges::views::iota(std::size_t{0}, conversations.size()) | in_parallel(rule.workers, encode)) {
        counter.counts.misordered += pieces.misordered;
        counter.counts.dropped += pieces.dropped;
        for (ChatTokens& tokens : pieces.examples) {
            if (!counter.takes(item, tokens.ambiguous)) continue;
            counter.add(tokens);
            take(item, std::move(tokens));
        }
        counter.done(item++);
    }
    return counter.counts;
}

/// The same for the pairs of preferences; the limits are `rule.reply`, or AMBERSAFE's.
inline TuningExampleCounts encode_preferences(const ChatEncoder& encoder, std::span<const Preference> preferences,
                                              std::span<const std::string> places, const TuningExampleRule& rule,
                                              const std::function<void(Index item, PreferenceTokens&&)>& take) {
    const auto encode = [&](std::size_t i) {
        return encode_preference(encoder, preferences[i], rule.reply.value_or(ReplyLimits{}));
    };
    detail::ExampleCounter counter(rule, places, preferences.size());
    Index item = 0;
    for (auto&& pair :
         ranges::views::iota(std::size_t{0}, preferences.size()) | in_parallel(rule.workers, encode)) {
        if (counter.takes(item, pair.chosen.ambiguous || pair.rejected.ambiguous)) {
            counter.add(pair.chosen);
            counter.add(pair.rejected);
            take(item, std::move(pair));
        }
        counter.done(item++);
    }
    return counter.counts;
}

}  // namespace lapidary
