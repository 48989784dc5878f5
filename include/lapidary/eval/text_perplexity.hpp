#pragma once

#include <lapidary/eval/log_likelihoods.hpp>
#include <lapidary/eval/python_text.hpp>
#include <lapidary/eval/request_encoder.hpp>
#include <lapidary/eval/rolling_windows.hpp>
#include <lapidary/io/json.hpp>

#include <cmath>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

/// How well a model predicts texts, all of them together.
struct TextPerplexity {
    double log_likelihood = 0;  ///< in nats
    Index documents = 0, tokens = 0, words = 0, bytes = 0;

    [[nodiscard]] double per_word() const { return std::exp(-log_likelihood / static_cast<double>(words)); }
    [[nodiscard]] double per_byte() const { return std::exp(-log_likelihood / static_cast<double>(bytes)); }
    [[nodiscard]] double per_token() const { return std::exp(-log_likelihood / static_cast<double>(tokens)); }
    [[nodiscard]] double bits_per_byte() const {
        return -log_likelihood / static_cast<double>(bytes) / std::log(2.0);
    }
};

/// Documents as requests to a model, each on its own: none of them is in another's context.
struct PreparedTexts {
    std::string name;
    std::vector<TokenRequest> requests;
    TextPerplexity counts;  ///< all but the log-likelihood
};

/// Windows of documents, and what there is to count of them: words are what lies between runs of space, and the
/// text before a leading and behind a trailing one, if only the empty text.
///
/// Source: LM Evaluation Harness 0.4.13, models/huggingface.py (`loglikelihood_rolling`) and api/task.py
/// (`count_words`, `count_bytes`); the perplexity per token is ours, and counts a start token where texts have
/// one.
inline PreparedTexts prepare_texts(std::string name, std::span<const std::string> documents,
                                   const RequestEncoder& encoder, Index context) {
    PreparedTexts result{std::move(name), {}, {}};
    for (const std::string& text : documents) {
        const std::vector<TokenId> tokens = encoder.encode(text);
        auto windows = rolling_windows(tokens, encoder.prefix(), context);
        std::move(windows.begin(), windows.end(), std::back_inserter(result.requests));
        ++result.counts.documents;
        result.counts.tokens += static_cast<Index>(tokens.size());
        result.counts.words += python::words(text);
        result.counts.bytes += static_cast<Index>(text.size());
    }
    return result;
}

/// The perplexity of prepared texts. `answers`: one for each request.
inline TextPerplexity text_perplexity(const PreparedTexts& texts, std::span<const LogLikelihood> answers) {
    TextPerplexity result = texts.counts;
    for (const LogLikelihood& answer : answers) result.log_likelihood += answer.sum;
    return result;
}

inline Json perplexity_json(const std::string& name, const TextPerplexity& texts) {
    return {{"task", name},
            {"documents", texts.documents},
            {"tokens", texts.tokens},
            {"words", texts.words},
            {"bytes", texts.bytes},
            {"log_likelihood", texts.log_likelihood},
            {"word_perplexity", texts.per_word()},
            {"byte_perplexity", texts.per_byte()},
            {"bits_per_byte", texts.bits_per_byte()},
            {"token_perplexity", texts.per_token()}};
}

}  // namespace lapidary
