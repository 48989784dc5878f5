#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lapidary {

/// Who speaks. `other`: a name that a file's roles do not know.
enum class ChatRole : std::uint8_t { system, user, assistant, other };

/// What somebody says.
struct Turn {
    ChatRole role = ChatRole::user;
    std::string text{};
    std::string input{};  ///< what an instruction is about, as Alpaca keeps it apart; empty: nothing
    bool operator==(const Turn&) const = default;
};

/// What a chat model learns from: a system text and turns, in order.
struct Conversation {
    std::optional<std::string> system{};  ///< none: that of the template
    std::vector<Turn> turns{};
    bool operator==(const Conversation&) const = default;
};

/// Whether user and assistant take turns, the user first: what every template here expects. Holds for no turns.
[[nodiscard]] inline bool roles_alternate(const Conversation& conversation) {
    ChatRole expected = ChatRole::user;
    for (const Turn& turn : conversation.turns) {
        if (turn.role != expected) return false;
        expected = expected == ChatRole::user ? ChatRole::assistant : ChatRole::user;
    }
    return true;
}

}  // namespace lapidary
