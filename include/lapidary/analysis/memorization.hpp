#pragma once

#include <lapidary/analysis/memorization_sample.hpp>
#include <lapidary/core/error.hpp>
#include <lapidary/eval/generate.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

struct WriteOptions {
    Index batch = 256;  ///< sequences under way at once: memory for the keys and values of so many
    std::function<void(Index)> progress{};  ///< called with the number of sequences that are done
};

/// What a model writes after each prompt of a sample when it always takes the likeliest token, the lowest id where
/// several are: [sequences, l] ids. It reads on from what it wrote itself (no teacher forcing).
///
/// Every id may be written and none ends a text: an end of sequence is a token as any other, since documents end
/// within windows, and all l tokens are compared. This is what `transformers` writes for
/// `generate(do_sample=False, num_beams=1, max_new_tokens=l, eos_token_id=None)`; with an end of sequence it would
/// fill up with the padding id behind one (`matches`), and with `min_new_tokens=l` it would never write one.
///
/// On a CPU it is a function of the weights and the prompts: no batch size and no number of threads changes a bit.
/// Throws Error(value) for a batch below 1, a model whose context has not k + l - 1 positions and ids that it does
/// not have; Error(not_finite) where logits are no numbers.
template <Device D, class Model>
std::vector<TokenId> write_greedily(D& device, const Model& model,
                                    std::type_identity_t<Weights<Scalar<D>>> weights,
                                    const MemorizationSample& sample, const WriteOptions& options = {}) {
    const auto refuse = [](const std::string& why) { throw Error(ErrorCode::value, "memorization", why); };
    if (options.batch < 1) refuse("the batch is " + std::to_string(options.batch));
    if (sample.length() - 1 > model.context()) {
        refuse("a prefix of " + std::to_string(sample.prefix) + " and " + std::to_string(sample.continuation) +
               " more tokens, but the model's context is " + std::to_string(model.context()));
    }
    if (!sample.tokens.empty()) {
        check_tokens({sample.tokens.data(), {sample.size(), sample.length()}}, model.vocabulary());
    }
    const GenerateOptions greedy{.max_tokens = sample.continuation, .sampling = {.temperature = 0}};
    std::vector<TokenId> written;
    written.reserve(static_cast<std::size_t>(sample.size() * sample.continuation));
    for (Index first = 0; first < sample.size(); first += options.batch) {
        const Index end = std::min(sample.size(), first + options.batch);
        std::vector<std::vector<TokenId>> prompts;
        for (Index i = first; i < end; ++i) prompts.emplace_back(sample.prompt(i).begin(), sample.prompt(i).end());
        for (const auto& text : generate_batch(device, model, weights, prompts, greedy)) {
            written.insert(written.end(), text.begin(), text.end());
        }
        if (options.progress) options.progress(end);
    }
    return written;
}

/// Where what was written is what follows in the data: [sequences, l] bytes, 1 or 0. With `stop`, nothing behind a
/// written `stop` counts, as in LLM360's own program, which lets `generate` end texts there and fill up with
/// another id. Throws Error(shape) if not as many ids were written as the sample has.
inline std::vector<std::uint8_t> matches(const MemorizationSample& sample, std::span<const TokenId> written,
                                         TokenId stop = -1) {
    const Index length = sample.continuation;
    if (static_cast<Index>(written.size()) != sample.size() * length) {
        throw Error(ErrorCode::shape, "memorization",
                    std::to_string(written.size()) + " ids were written, expected " +
                        std::to_string(sample.size()) + " times " + std::to_string(length));
    }
    std::vector<std::uint8_t> result(written.size());
    for (Index i = 0; i < sample.size(); ++i) {
        const auto truth = sample.truth(i);
        for (Index t = 0; t < length; ++t) {
            const auto at = static_cast<std::size_t>(i * length + t);
            result[at] = written[at] == truth[static_cast<std::size_t>(t)] ? 1 : 0;
            if (stop >= 0 && written[at] == stop) break;
        }
    }
    return result;
}

}  // namespace lapidary
