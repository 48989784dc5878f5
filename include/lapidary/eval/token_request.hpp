#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// A question to a model: how likely does `continuation` follow `context`?
struct TokenRequest {
    std::vector<TokenId> context;       ///< at least one token
    std::vector<TokenId> continuation;  ///< at least one token
};

/// Its answer.
struct LogLikelihood {
    double sum = 0;       ///< of the logarithms of the probabilities of the continuation's tokens, in nats
    bool greedy = false;  ///< whether each of its tokens was the likeliest; not looked at unless asked for
};

/// What a model of `context` positions is given for a request: the last `context` tokens of all but the last one.
/// Tokens that do not fit are cut off on the left, as the LM Evaluation Harness 0.4.13 does
/// (models/huggingface.py, `_loglikelihood_tokens`). Throws Error(value) for a request without context or
/// continuation, or whose continuation is longer than the context.
inline std::vector<TokenId> model_input(const TokenRequest& request, Index context) {
    const auto before = static_cast<Index>(request.context.size()),
               after = static_cast<Index>(request.continuation.size());
    if (before < 1 || after < 1 || after > context) {
        throw Error(ErrorCode::value, "log_likelihoods",
                    "a request of " + std::to_string(before) + " tokens of context and " + std::to_string(after) +
                        " of continuation; it needs one of each, and a continuation of at most " +
                        std::to_string(context));
    }
    std::vector<TokenId> input;
    const Index length = std::min(context, before + after - 1), dropped = before + after - 1 - length;
    input.reserve(static_cast<std::size_t>(length));
    input.insert(input.end(), request.context.begin() + std::min(dropped, before), request.context.end());
    input.insert(input.end(), request.continuation.begin(), request.continuation.end() - 1);
    return input;
}

}  // namespace lapidary
