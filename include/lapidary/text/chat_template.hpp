#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/text/conversation.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// A stretch of a conversation as a model reads it.
struct ChatPiece {
    enum class Kind {
        text,
        token,  ///< one token of the vocabulary, spelled as `text`
        bos,    ///< the tokenizer's start token
        eos,    ///< the tokenizer's end token
    };
    Kind kind = Kind::text;
    std::string text{};
    bool counts = false;  ///< the model learns to write it
    bool operator==(const ChatPiece&) const = default;

    static ChatPiece of(std::string text) { return {.text = std::move(text)}; }
    static ChatPiece token(std::string spelling) { return {.kind = Kind::token, .text = std::move(spelling)}; }
    static ChatPiece bos(bool counts = false) { return {.kind = Kind::bos, .text = {}, .counts = counts}; }
    static ChatPiece eos(bool counts = true) { return {.kind = Kind::eos, .text = {}, .counts = counts}; }
};

/// What stands around a turn of one role.
struct TurnFormat {
    std::vector<ChatPiece> before{};  ///< a prompt that asks for this turn ends with it
    std::string lead{};               ///< in front of the turn's text, and counted with it
    std::string input_lead{};         ///< between the turn's text and its input
    std::vector<ChatPiece> after{};
};

/// How turns become one text. A value: copy one of text/chat_templates.hpp and change it, or write another.
struct ChatTemplate {
    std::string name{};
    std::vector<ChatPiece> begin{};  ///< in front of all
    /// The system text of conversations that bring none; none: then there is nothing in its place, the format of
    /// the system's turn neither.
    std::optional<std::string> default_system{};
    std::optional<std::string> default_system_with_input{};  ///< where the first turn has an input
    TurnFormat system{};
    TurnFormat user{};
    TurnFormat assistant{};
    std::vector<ChatPiece> end{};  ///< behind the last turn of a finished conversation

    /// A text behind a token is encoded as if it stood alone: SentencePiece then puts a space in front of it. If
    /// not, as the middle of a text.
    bool texts_alone = false;
    /// Only the last turn counts, and its text is encoded alone, whatever stands before it.
    bool last_reply_alone = false;
    /// What stands once between two tokens. A turn that spells it too, or has no text at all, makes the
    /// conversation ambiguous, as it does for FastChat.
    std::string once{};
    /// What a turn must not spell either. What the tokenizer makes a token of the template of need not be listed.
    std::vector<std::string> reserved{};

    /// Where the next turn of the user begins: a model that writes this has finished its answer, which ends before
    /// it. So it does at the tokenizer's end token.
    std::vector<std::string> stop_texts{};
    std::vector<std::string> stop_tokens{};  ///< the same, as tokens of the vocabulary, spelled
};

/// The pieces of a conversation, in order. `asks`: it ends with a turn of the user, and the prompt for an answer
/// is wanted: the pieces end where the assistant's text is to begin. Throws Error(value) for a turn of neither
/// user nor assistant, or if `asks` and the last turn is not the user's.
inline std::vector<ChatPiece> chat_pieces(const ChatTemplate& form, const Conversation& conversation,
                                          bool asks = false) {
    std::vector<ChatPiece> pieces = form.begin;
    const auto add = [&](const std::vector<ChatPiece>& more) {
        pieces.insert(pieces.end(), more.begin(), more.end());
    };
    const std::vector<Turn>& turns = conversation.turns;
    std::optional<std::string> system = conversation.system;
    if (!system) {
        const bool input = !turns.empty() && !turns[0].input.empty();
        system = input && form.default_system_with_input ? form.default_system_with_input : form.default_system;
    }
    if (system) {
        add(form.system.before);
        pieces.push_back(ChatPiece::of(form.system.lead + *system));
        add(form.system.after);
    }
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const Turn& turn = turns[i];
        const bool assistant = turn.role == ChatRole::assistant;
        if (!assistant && turn.role != ChatRole::user) {
            throw Error(ErrorCode::value, "chat_template",
                        "turn " + std::to_string(i + 1) + " is neither the user's nor the assistant's");
        }
        const TurnFormat& format = assistant ? form.assistant : form.user;
        const bool counts = assistant && (!form.last_reply_alone || (!asks && i + 1 == turns.size()));
        add(format.before);
        std::string text = format.lead + turn.text;
        if (!turn.input.empty()) text += format.input_lead + turn.input;
        pieces.push_back({.text = std::move(text), .counts = counts});
        add(format.after);
    }
    if (!asks) {
        add(form.end);
        return pieces;
    }
    if (turns.empty() || turns.back().role != ChatRole::user) {
        throw Error(ErrorCode::value, "chat_template", "a prompt must end with a turn of the user");
    }
    add(form.assistant.before);
    return pieces;
}

}  // namespace lapidary
