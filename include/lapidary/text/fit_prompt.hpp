#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/chat_encoder.hpp>
#include <lapidary/text/conversation.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// The prompt for the next answer in at most `longest` ids. If it is longer, the oldest turns are taken out of the
/// conversation, a user's with the answer to it, until it is not. Throws Error(value) if the last turn alone, with
/// the system text, is too long, and what `ChatEncoder::prompt` throws; then the conversation is as it was.
inline std::vector<TokenId> fit_prompt(const ChatEncoder& encoder, Conversation& conversation, Index longest) {
    Conversation rest = conversation;
    for (;;) {
        std::vector<TokenId> ids = encoder.prompt(rest);
        const auto count = static_cast<Index>(ids.size());
        if (count <= longest) {
            conversation = std::move(rest);
            return ids;
        }
        if (rest.turns.size() <= 2) {
            throw Error(ErrorCode::value, "fit_prompt",
                        "the turn takes " + std::to_string(count) + " tokens with what the template " +
                            quote(encoder.form().name) + " puts around it, and there is room for " +
                            std::to_string(std::max<Index>(0, longest)));
        }
        rest.turns.erase(rest.turns.begin(), rest.turns.begin() + 2);
    }
}

}  // namespace lapidary
