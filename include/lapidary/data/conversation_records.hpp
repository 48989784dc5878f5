#pragma once

#include <lapidary/data/record_faults.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/conversation.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// What files call the speakers.
struct ChatRoleNames {
    std::vector<std::string> user{"human", "user"};
    std::vector<std::string> assistant{"gpt", "assistant"};
    std::vector<std::string> system{"system"};

    [[nodiscard]] ChatRole operator()(std::string_view name) const {
        const auto in = [&](const auto& names) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        if (in(user)) return ChatRole::user;
        if (in(assistant)) return ChatRole::assistant;
        return in(system) ? ChatRole::system : ChatRole::other;
    }
};

/// How records become conversations.
struct ConversationRules {
    ChatRoleNames roles{};
    /// Refuse what `check_turns` refuses, and take a first turn of the system as the conversation's system text.
    /// Without, turns stay as the file has them: FastChat, and so AMBERCHAT, splits conversations before it looks
    /// at their roles, knows `human` and `gpt` alone, and trains on white space.
    bool check = true;
};

namespace detail {

inline bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

inline void check_text(std::string_view text, const std::string& what, const std::string& where) {
    if (is_blank(text)) throw BadRecord(RecordFault::empty_turn, where, what + " has no text");
    if (text.find('\0') != std::string_view::npos) {
        throw BadRecord(RecordFault::nul, where, what + " holds a NUL character");
    }
}

/// A turn as {"from", "value"} or {"role", "content"}.
inline Turn read_turn(const Json& turn, const ChatRoleNames& roles, bool check, const std::string& what,
                      const std::string& where) {
    const bool from = turn.is_object() && turn.contains("from");
    const auto name = get<std::string>(turn, from ? "from" : "role", where + ": " + what);
    const ChatRole role = roles(name);
    if (check && role == ChatRole::other) {
        throw BadRecord(RecordFault::unknown_role, where, what + " is from " + quote(name));
    }
    return {.role = role, .text = get<std::string>(turn, from ? "value" : "content", where + ": " + what)};
}

inline std::vector<Turn> read_turns(const Json& record, const std::string& key, const ChatRoleNames& roles,
                                    bool check, const std::string& where) {
    std::vector<Turn> turns;
    for (const Json& turn : get<std::vector<Json>>(record, key, where)) {
        turns.push_back(read_turn(turn, roles, check, "turn " + std::to_string(turns.size() + 1), where));
    }
    return turns;
}

/// A first turn of the system becomes the system text.
inline Conversation with_system(std::vector<Turn> turns) {
    Conversation conversation;
    if (!turns.empty() && turns[0].role == ChatRole::system) {
        conversation.system = std::move(turns[0].text);
        turns.erase(turns.begin());
    }
    conversation.turns = std::move(turns);
    return conversation;
}

}  // namespace detail

/// Refuses turns that are empty, not in the order user, assistant, user, ..., or hold a NUL character. Throws
/// BadRecord naming `where` and the turn, counted from 1 without the system's.
inline void check_turns(const Conversation& conversation, const std::string& where) {
    if (conversation.system && conversation.system->find('\0') != std::string::npos) {
        throw BadRecord(RecordFault::nul, where, "the system text holds a NUL character");
    }
    for (std::size_t i = 0; i < conversation.turns.size(); ++i) {
        const Turn& turn = conversation.turns[i];
        const std::string what = "turn " + std::to_string(i + 1);
        const bool user = i % 2 == 0;
        if (turn.role != (user ? ChatRole::user : ChatRole::assistant)) {
            throw BadRecord(RecordFault::wrong_order, where,
                            what + " should be the " + (user ? "user's" : "assistant's"));
        }
        detail::check_text(turn.text, what, where);
        if (turn.input.find('\0') != std::string::npos) {
            throw BadRecord(RecordFault::nul, where, "the input of " + what + " holds a NUL character");
        }
    }
}

/// A conversation out of a record, by the keys that it has: `conversations` (ShareGPT, Evol-Instruct) or
/// `messages`, a list of turns; or `instruction`, `input` (may be missing) and `output` (Alpaca). A turn of the
/// user at the end, which nobody answers, stays. `where` names file and place. Throws BadRecord, and Error(format)
/// for a field that is missing or of another type.
inline Conversation read_conversation(const Json& record, const std::string& where,
                                      const ConversationRules& rules = {}) {
    if (!record.is_object()) throw BadRecord(RecordFault::malformed, where, "not a JSON object");
    Conversation conversation;
    if (record.contains("conversations") || record.contains("messages")) {
        const char* key = record.contains("conversations") ? "conversations" : "messages";
        std::vector<Turn> turns = detail::read_turns(record, key, rules.roles, rules.check, where);
        if (rules.check) {
            conversation = detail::with_system(std::move(turns));
        } else {
            conversation.turns = std::move(turns);
        }
    } else if (record.contains("instruction")) {
        conversation.turns.push_back({.role = ChatRole::user,
                                      .text = get<std::string>(record, "instruction", where),
                                      .input = get_or(record, "input", "", where)});
        conversation.turns.push_back(
            {.role = ChatRole::assistant, .text = get<std::string>(record, "output", where)});
    } else {
        throw BadRecord(RecordFault::missing_field, where,
                        "there is none of 'conversations', 'messages' and 'instruction'");
    }
    if (!rules.check) return conversation;
    check_turns(conversation, where);
    if (conversation.turns.size() < 2) {
        throw BadRecord(RecordFault::no_answer, where, "no turn is the assistant's");
    }
    return conversation;
}

}  // namespace lapidary
