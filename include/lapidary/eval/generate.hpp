#pragma once

#include <lapidary/eval/key_value_caches.hpp>
#include <lapidary/eval/sample.hpp>
#include <lapidary/train/sequence_batch.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lapidary {

struct GenerateOptions {
    Index max_tokens = 100;
    std::int32_t stop_token = -1;  ///< generation ends after this token; -1: none
    SampleOptions sampling{};
};

/// Continues a prompt and returns the new tokens; stops at `max_tokens`, at the stop token, or when the context is full.
///
/// Each position is computed once: keys and values are cached, and the cached path gives the logits of the uncached one
/// bit for bit. `on_token` is called with every token as it appears. Throws Error(value) for an empty prompt, one longer
/// than the context, ids outside the vocabulary, or options outside their range.
template <Device D, class Model>
std::vector<std::int32_t> generate(D& device, const Model& model, std::type_identity_t<Weights<Scalar<D>>> weights,
                                   std::span<const std::int32_t> prompt, const GenerateOptions& options,
                                   const std::function<void(std::int32_t)>& on_token = {}) {
    const auto length = static_cast<Index>(prompt.size());
    if (length < 1 || length > model.context()) {
        throw Error(ErrorCode::value, "generate",
                    "a prompt of " + std::to_string(length) + " tokens, the context is " + std::to_string(model.context()));
    }
    if (options.max_tokens < 0) {
        throw Error(ErrorCode::value, "generate", "max_tokens is " + std::to_string(options.max_tokens));
    }
    check_tokens({prompt.data(), {1, length}}, model.vocabulary());
    const KeyValueCaches<D> caches(device, model, 1, std::min(model.context(), length + options.max_tokens));
    std::vector<std::int32_t> fresh(prompt.begin(), prompt.end()), result;
    std::vector<Scalar<D>> host(static_cast<std::size_t>(model.vocabulary()));
    Index past = 0;
    while (static_cast<Index>(result.size()) < options.max_tokens) {
        const auto count = static_cast<Index>(fresh.size());
        if (past + count > model.context()) break;
        ScratchScope scope(device.scratch());
        const auto ids = device.scratch().template allocate<std::int32_t, 2>({1, count});
        device.upload(fresh.data(), ids.data, fresh.size() * sizeof(std::int32_t));
        const auto logits = scratch(device, Shape<2>{1, model.vocabulary()});
        model.next_logits(device, weights, ids, caches.layers(), past, logits);
        device.download(logits.data, host.data(), host.size() * sizeof(Scalar<D>));
        past += count;
        const auto token = static_cast<std::int32_t>(
            sample<Scalar<D>>(host, options.sampling, static_cast<std::uint64_t>(result.size())));
        result.push_back(token);
        if (on_token) on_token(token);
        if (token == options.stop_token) break;
        fresh = {token};
    }
    return result;
}

}  // namespace lapidary
