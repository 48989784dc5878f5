#pragma once

#include <lapidary/core/philox.hpp>
#include <lapidary/eval/generate.hpp>
#include <lapidary/eval/request_encoder.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace lapidary {

struct CompletionOptions {
    Index samples = 1;       ///< completions of a prompt, under way at once
    Index max_tokens = 512;  ///< of a completion; below the model's context
    SampleOptions sampling{.temperature = 0};
    std::vector<std::string> stops{};  ///< a completion ends before the first of these that appears in it
};

namespace detail {

/// Where the first of the stops begins; npos: there is none.
inline std::size_t find_stop(const std::string& text, const std::vector<std::string>& stops) {
    std::size_t first = std::string::npos;
    for (const std::string& stop : stops) first = std::min(first, text.find(stop));
    return first;
}

}  // namespace detail

/// What a model writes behind a prompt, several times. `number`: of the prompt, so that each draws numbers of its
/// own; a completion is a function of weights, prompt, options and number. Prompts that leave no room for
/// `max_tokens` lose their left. A completion also ends at an end token. Throws Error(value) for options outside
/// their range.
template <Device D, class Model>
std::vector<std::string> complete_text(D& device, const Model& model,
                                       std::type_identity_t<Weights<Scalar<D>>> weights,
                                       const RequestEncoder& encoder, const std::string& prompt, Index number,
                                       const CompletionOptions& options) {
    const Index room = model.context() - options.max_tokens;
    if (room < 1 || options.max_tokens < 1 || options.samples < 1) {
        throw Error(ErrorCode::value, "complete",
                    "max_tokens is " + std::to_string(options.max_tokens) + " and samples " +
                        std::to_string(options.samples) +
                        "; expected at least 1, and tokens below the context of " +
                        std::to_string(model.context()));
    }
    std::vector<TokenId> ids = encoder.encode(prompt);
    if (ids.empty()) ids.push_back(encoder.prefix());
    if (static_cast<Index>(ids.size()) > room) ids.erase(ids.begin(), ids.end() - room);

    // A completion's text begins where that of the prompt ends: a tokenizer may write its first space differently.
    std::vector<std::string> texts(static_cast<std::size_t>(options.samples));
    std::vector<TextStream<AnyTokenizer>> streams;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        streams.emplace_back(encoder.tokenizer());
        for (const TokenId id : ids) streams.back().add(id);
    }
    GenerateOptions generation{.max_tokens = options.max_tokens,
                               .vocabulary = encoder.tokenizer().vocabulary_size(),
                               .sampling = options.sampling};
    generation.sampling.seed =
        Philox(options.sampling.seed, "completion", static_cast<std::uint64_t>(number)).integer(0);
    const TokenId end = encoder.tokenizer().eos_id();
    if (end >= 0) generation.stop_tokens = {end};
    generation.ends = [&](Index text, std::int32_t token) {
        const auto at = static_cast<std::size_t>(text);
        if (token != end) texts[at] += streams[at].add(token);
        return detail::find_stop(texts[at], options.stops) != std::string::npos;
    };
    generate_batch(device, model, weights, std::vector<std::vector<TokenId>>(texts.size(), ids), generation);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        texts[i] += streams[i].finish();
        texts[i].resize(std::min(texts[i].size(), detail::find_stop(texts[i], options.stops)));
    }
    return texts;
}

}  // namespace lapidary
