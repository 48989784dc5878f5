#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/preference.hpp>
#include <lapidary/text/chat_encoder.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace lapidary {

/// How long a prompt with its reply may be. The defaults are AMBERSAFE's.
struct ReplyLimits {
    Index max_tokens = 512;         ///< of prompt and reply
    Index max_prompt = 256;         ///< of a prompt that is cut
    bool keep_prompt_start = true;  ///< of a prompt that is cut; false: its end, as of HH-RLHF
};

/// Both answers of a preference, each behind the prompt; only the ids of the last reply count.
struct PreferenceTokens {
    ChatTokens chosen{};
    ChatTokens rejected{};
};

/// Cuts prompt and reply as eric-mitchell/direct-preference-optimization does (preference_datasets.py): if the
/// prompt and a reply of `longest` ids are too long together, the prompt is cut to `max_prompt`; if they still
/// are, the reply is cut to what that leaves, `max_tokens - max_prompt`, and loses its end token. `longest`: the
/// longer reply of a pair; for a reply alone its own length.
inline ChatTokens shortened(const ChatTokens& tokens, Index longest, const ReplyLimits& limits = {}) {
    if (limits.max_prompt < 0 || limits.max_prompt > limits.max_tokens) {
        throw Error(ErrorCode::value, "reply_limits",
                    "prompts of up to " + std::to_string(limits.max_prompt) + " tokens of " +
                        std::to_string(limits.max_tokens));
    }
    Index prompt = tokens.reply;
    Index reply = static_cast<Index>(tokens.ids.size()) - prompt;
    if (prompt + longest > limits.max_tokens) prompt = std::min(prompt, limits.max_prompt);
    if (prompt + longest > limits.max_tokens) reply = std::min(reply, limits.max_tokens - limits.max_prompt);
    const Index first = limits.keep_prompt_start ? 0 : tokens.reply - prompt;
    ChatTokens cut{.reply = prompt, .ambiguous = tokens.ambiguous};
    const auto take = [&](Index begin, Index count) {
        const auto range = [&](const auto& all) { return all.begin() + static_cast<std::ptrdiff_t>(begin); };
        cut.ids.insert(cut.ids.end(), range(tokens.ids), range(tokens.ids) + count);
        cut.counts.insert(cut.counts.end(), range(tokens.counts), range(tokens.counts) + count);
    };
    take(first, prompt);
    take(tokens.reply, reply);
    cut.cut = tokens.cut + std::ssize(tokens.ids) - std::ssize(cut.ids);
    return cut;
}

/// A prompt and one reply, of which only the last reply counts, cut to the limits: what AMBERSAFE is fine-tuned
/// on, with `raw_template`. Throws what `ChatEncoder::encode` throws.
inline ChatTokens encode_reply(const ChatEncoder& encoder, const Conversation& conversation,
                               const ReplyLimits& limits = {}) {
    ChatTokens tokens = encoder.encode(conversation);
    std::fill_n(tokens.counts.begin(), tokens.reply, std::uint8_t{0});
    return shortened(tokens, static_cast<Index>(tokens.ids.size()) - tokens.reply, limits);
}

/// The ids of a preference, cut to the limits by the longer of its replies. Throws what `ChatEncoder::encode`
/// throws.
inline PreferenceTokens encode_preference(const ChatEncoder& encoder, const Preference& preference,
                                          const ReplyLimits& limits = {}) {
    constexpr ReplyLimits no_limits{.max_tokens = Index{1} << 60};
    const ChatTokens chosen = encode_reply(encoder, preference.answered(true), no_limits);
    const ChatTokens rejected = encode_reply(encoder, preference.answered(false), no_limits);
    const auto reply = [](const ChatTokens& tokens) {
        return static_cast<Index>(tokens.ids.size()) - tokens.reply;
    };
    const Index longest = std::max(reply(chosen), reply(rejected));
    return {shortened(chosen, longest, limits), shortened(rejected, longest, limits)};
}

}  // namespace lapidary
