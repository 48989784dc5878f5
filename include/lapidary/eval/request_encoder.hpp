#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/eval/python_text.hpp>
#include <lapidary/eval/token_request.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/text/any_tokenizer.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapidary {

/// Texts to requests, as the LM Evaluation Harness 0.4.13 does (api/model.py, `_encode_pair` and `loglikelihood`).
///
/// A pair is encoded as one text, and the tokens behind those of the context alone are the continuation: a token
/// may join the space before an answer to its first word. Spaces at the end of the context count as the
/// continuation's. Safe to use from many threads.
class RequestEncoder {
public:
    /// `add_bos`: put the start token before texts, as `adds_bos` (eval/bos_policy.hpp) finds out. Throws
    /// Error(value) if it is wanted and there is none, or if there is neither a start nor an end token.
    RequestEncoder(AnyTokenizer tokenizer, bool add_bos) : tokenizer_(std::move(tokenizer)), add_bos_(add_bos) {
        if (add_bos && tokenizer_.bos_id() < 0) {
            throw Error(ErrorCode::value, "encode", "a start token is wanted, and the tokenizer has none");
        }
        if (prefix() < 0) {
            throw Error(ErrorCode::value, "encode",
                        "the tokenizer has neither a start nor an end token to put before a text without context");
        }
    }

    /// What a text without context is predicted from: the start token, else the end token.
    [[nodiscard]] TokenId prefix() const {
        return tokenizer_.bos_id() >= 0 ? tokenizer_.bos_id() : tokenizer_.eos_id();
    }
    [[nodiscard]] bool add_bos() const { return add_bos_; }
    [[nodiscard]] const AnyTokenizer& tokenizer() const { return tokenizer_; }

    /// The ids of a text, with the start token if texts have one.
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const {
        std::vector<TokenId> ids = tokenizer_.encode(text);
        if (add_bos_) ids.insert(ids.begin(), tokenizer_.bos_id());
        return ids;
    }

    /// A request for each of the continuations of one context. Throws Error(value) naming a continuation of which
    /// no token is left.
    [[nodiscard]] std::vector<TokenRequest> encode(std::string_view context,
                                                   const std::vector<std::string>& continuations) const {
        std::vector<TokenRequest> requests;
        const std::string_view start = python::rstrip(context), moved = context.substr(start.size());
        std::vector<TokenId> before;
        if (!context.empty()) before = encode(start);
        for (const std::string& continuation : continuations) {
            if (context.empty()) {
                requests.push_back(without_context(tokenizer_.encode(continuation)));
            } else {
                const std::vector<TokenId> whole = encode(std::string(start).append(moved).append(continuation));
                const std::size_t cut = std::min(before.size(), whole.size());
                requests.push_back({before, {whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end()}});
            }
            if (requests.back().continuation.empty() || requests.back().context.empty()) {
                throw Error(ErrorCode::value, "encode",
                            "no token is left of the continuation " + quote(continuation));
            }
        }
        return requests;
    }

private:
    [[nodiscard]] TokenRequest without_context(std::vector<TokenId> ids) const {
        if (ids.empty() || ids[0] != prefix()) return {{prefix()}, std::move(ids)};
        return {{ids[0]}, {ids.begin() + 1, ids.end()}};
    }

    AnyTokenizer tokenizer_;
    bool add_bos_;
};

}  // namespace lapidary
