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

/// What AMBERSAFE is fine-tuned on before it is aligned: of every prompt the answer chosen last, prompts in the
/// order in which they first appear. Source: LLM360/amber-train, finetune/ambersafe.
inline std::vector<Conversation> chosen_answers(const std::vector<Preference>& preferences) {
    std::vector<Conversation> answers;
    std::unordered_map<std::string, std::size_t> places;
    for (const Preference& preference : preferences) {
        std::string key = preference.prompt.system.value_or("");
        for (const Turn& turn : preference.prompt.turns) key += '\0' + turn.text + '\0' + turn.input;
        const auto [place, fresh] = places.emplace(std::move(key), answers.size());
        if (fresh) {
            answers.push_back(preference.answered());
        } else {
            answers[place->second] = preference.answered();
        }
    }
    return answers;
}

}  // namespace lapidary
