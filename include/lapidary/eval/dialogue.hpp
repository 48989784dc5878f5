#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/philox.hpp>
#include <lapidary/eval/answer_text.hpp>
#include <lapidary/eval/generate.hpp>
#include <lapidary/text/fit_prompt.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lapidary {

struct DialogueOptions {
    std::optional<std::string> system{};  ///< none: that of the template
    Index max_tokens = 256;               ///< of an answer; the rest of the context is for what was said
    SampleOptions sampling{.temperature = 0.7, .top_p = 0.95};
};

/// What a model said.
struct Answer {
    std::string text{};
    Index tokens = 0;    ///< drawn, one that ends the answer included
    bool whole = false;  ///< it came to its end; else it was cut off at `max_tokens` or interrupted
    Index left_out = 0;  ///< of the conversation, the oldest turns, for which there is no room any more
};

/// A conversation with a model. What it answers is a pure function of the weights, the options and what was said
/// before; every answer draws from random numbers of its own.
class Dialogue {
public:
    /// Throws Error(value) unless an answer of `max_tokens` leaves room in a context of `context` tokens.
    Dialogue(ChatEncoder encoder, Index context, const DialogueOptions& options)
        : encoder_(std::move(encoder)), options_(options), room_(context - options.max_tokens) {
        if (options.max_tokens < 1 || room_ < 1) {
            throw Error(ErrorCode::value, "dialogue",
                        "answers of up to " + std::to_string(options.max_tokens) +
                            " tokens, expected at least 1 and fewer than the context of " +
                            std::to_string(context));
        }
        reset();
    }

    [[nodiscard]] const ChatEncoder& encoder() const { return encoder_; }
    /// What was said, as far as the model still sees it.
    [[nodiscard]] const Conversation& conversation() const { return conversation_; }
    /// Begins anew.
    void reset() {
        conversation_ = {.system = options_.system};
        answers_ = 0;
    }

    /// Lets the model answer. `on_text` gets the answer piece by piece; `interrupted` is asked after every token.
    /// If there is no room for all that was said, the oldest turns go. Throws Error(value) if there is none for
    /// `text` alone, and what `generate` throws; then the conversation is as it was.
    template <Device D, class Model>
    Answer ask(D& device, const Model& model, std::type_identity_t<Weights<Scalar<D>>> weights,
               const std::string& text, const std::function<void(std::string_view)>& on_text = {},
               const std::function<bool()>& interrupted = {}) {
        Conversation conversation = conversation_;
        conversation.turns.push_back({.role = ChatRole::user, .text = text});
        const std::size_t turns = conversation.turns.size();
        const std::vector<TokenId> prompt = fit_prompt(encoder_, conversation, room_);

        Answer answer{.left_out = static_cast<Index>(turns - conversation.turns.size())};
        AnswerText written(encoder_);
        const auto give = [&](const std::string& piece) {
            if (on_text && !piece.empty()) on_text(piece);
        };
        GenerateOptions options{.max_tokens = options_.max_tokens,
                                .vocabulary = encoder_.tokenizer().vocabulary_size(),
                                .sampling = options_.sampling};
        options.sampling.seed =
            Philox(options_.sampling.seed, "dialogue").integer(static_cast<std::uint64_t>(answers_));
        options.ends = [&](Index, TokenId id) {
            ++answer.tokens;
            give(written.add(id));
            return written.ended() || (interrupted && interrupted());
        };
        generate(device, model, weights, prompt, options);
        give(written.finish());
        answer.whole = written.ended();
        answer.text = written.text();
        conversation.turns.push_back({.role = ChatRole::assistant, .text = answer.text});
        conversation_ = std::move(conversation);
        ++answers_;
        return answer;
    }

private:
    ChatEncoder encoder_;
    DialogueOptions options_;
    Index room_;  // for a prompt
    Conversation conversation_;
    Index answers_ = 0;
};

}  // namespace lapidary
