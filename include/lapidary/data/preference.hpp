#pragma once

#include <lapidary/text/conversation.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lapidary {

/// Two answers to one prompt, of which one is preferred.
struct Preference {
    Conversation prompt{};  ///< ends with a turn of the user
    std::string chosen{};
    std::string rejected{};
    std::optional<bool> chosen_safe{};  ///< where the data say so
    std::optional<bool> rejected_safe{};

    /// The prompt and one of the two answers.
    [[nodiscard]] Conversation answered(bool by_chosen = true) const {
        Conversation conversation = prompt;
        conversation.turns.push_back({.role = ChatRole::assistant, .text = by_chosen ? chosen : rejected});
        return conversation;
    }
    bool operator==(const Preference&) const = default;
};

/// The preferences whose chosen answers AMBERSAFE is fine-tuned on before it is aligned: of every prompt the last
/// one, prompts in the order in which they first appear. Source: LLM360/amber-train, finetune/ambersafe.
inline std::vector<std::size_t> last_of_each_prompt(const std::vector<Preference>& preferences) {
    std::vector<std::size_t> last;
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < preferences.size(); ++i) {
        const Conversation& prompt = preferences[i].prompt;
        std::string key = prompt.system.value_or("");
        for (const Turn& turn : prompt.turns) key += '\0' + turn.text + '\0' + turn.input;
        const auto [place, fresh] = places.emplace(std::move(key), last.size());
        if (fresh) last.push_back(i);
        last[place->second] = i;
    }
    return last;
}

}  // namespace lapidary
