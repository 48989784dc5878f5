#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/text/any_tokenizer.hpp>
#include <lapidary/text/conversation.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace lapidary {

/// How long a piece of a conversation may be. The defaults are FastChat's for AMBERCHAT.
struct SplitRule {
    Index max_tokens = 2048;    ///< of a piece
    Index more_per_turn = 7;    ///< added to the tokens of a turn's text: a start token, and 6 for the role
    bool keep_last = false;     ///< keep a last pair of turns that has no room in the piece before it
    bool count_system = false;  ///< count an own system text, which every piece gets, as a turn's
};

/// Cuts a conversation between pairs of turns, so that each piece holds as many pairs as have room, in order.
///
/// What FastChat does (fastchat/data/split_long_conversation.py), with its quirks: an odd last turn is dropped; so
/// is the last pair where it has no room in the piece before it (`keep_last` keeps it), and so is a conversation
/// that is one pair alone and too long; a pair that is too long for any piece and not the last becomes a piece of
/// its own, to be cut when it is trained on. Pieces are cut by position, whoever speaks: keep those of which
/// `roles_alternate` holds, as FastChat then does.
inline std::vector<Conversation> split_conversation(const Conversation& conversation,
                                                    const AnyTokenizer& tokenizer, const SplitRule& rule = {}) {
    const auto tokens = [&](const std::string& text) { return static_cast<Index>(tokenizer.encode(text).size()); };
    const std::vector<Turn>& turns = conversation.turns;
    const std::size_t paired = turns.size() / 2 * 2;
    const Index empty =
        rule.count_system && conversation.system ? tokens(*conversation.system) + rule.more_per_turn : 0;
    std::vector<Conversation> pieces;
    std::size_t begin = 0;
    const auto cut = [&](std::size_t end) {
        if (end > begin) {
            const auto at = [&](std::size_t i) { return turns.begin() + static_cast<std::ptrdiff_t>(i); };
            pieces.push_back({.system = conversation.system, .turns = {at(begin), at(end)}});
        }
        begin = end;
    };
    Index length = empty;
    for (std::size_t i = 0; i < paired; i += 2) {
        Index pair = 2 * rule.more_per_turn;
        for (const Turn* turn : {&turns[i], &turns[i + 1]}) pair += tokens(turn->text) + tokens(turn->input);
        if (length + pair > rule.max_tokens) {
            cut(i);
            length = empty;
            if (i + 2 == paired && !rule.keep_last) return pieces;
        }
        length += pair;
    }
    cut(paired);
    return pieces;
}

}  // namespace lapidary
