#pragma once

#include <lapidary/eval/key_value_caches.hpp>
#include <lapidary/eval/sample.hpp>
#include <lapidary/train/sequence_batch.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lapidary {

struct GenerateOptions {
    Index max_tokens = 100;
    std::vector<std::int32_t> stop_tokens{};  ///< a text ends after any of these
    Index vocabulary = 0;  ///< draw ids below this only: tables may have rows that no token has; 0: the model's
    SampleOptions sampling{};
    /// Asked of every token as it is drawn, for which prompt and the token: whether the text ends after it.
    std::function<bool(Index, std::int32_t)> ends{};
};

/// Called with every token as it is drawn: for which prompt, and the token.
using OnToken = std::function<void(Index, std::int32_t)>;

namespace detail {

/// Of prompts, in one call to a model: enough to keep a device busy.
inline constexpr Index prompt_tokens = 2048;
/// That come to the host together: few transfers, in little memory.
inline constexpr Index logits_at_once = Index{1} << 20;

/// A text that is being written.
struct GrowingText {
    CachedSequence sequence;
    std::vector<std::int32_t> fresh;   // not yet in the cache
    std::vector<std::int32_t> result;  // drawn
    bool ended = false;                // by what the caller says

    [[nodiscard]] Index length() const { return sequence.past + static_cast<Index>(fresh.size()); }
};

template <class Model>
void check_prompts(const Model& model, std::span<const std::vector<std::int32_t>> prompts,
                   const GenerateOptions& options) {
    for (const std::vector<std::int32_t>& prompt : prompts) {
        const auto length = static_cast<Index>(prompt.size());
        if (length < 1 || length > model.context()) {
            throw Error(ErrorCode::value, "generate",
                        "a prompt of " + std::to_string(length) + " tokens, the context is " +
                            std::to_string(model.context()));
        }
        check_tokens({prompt.data(), {1, length}}, model.vocabulary());
    }
    if (options.max_tokens < 0) {
        throw Error(ErrorCode::value, "generate", "max_tokens is " + std::to_string(options.max_tokens));
    }
    if (options.vocabulary < 0 || options.vocabulary > model.vocabulary()) {
        throw Error(ErrorCode::value, "generate",
                    "vocabulary is " + std::to_string(options.vocabulary) + ", the model's is " +
                        std::to_string(model.vocabulary()));
    }
}

}  // namespace detail

/// Continues prompts, all of them at once, and returns the new tokens of each. A text ends at `max_tokens`, after
/// a stop token, where `ends` says so, or when the context is full.
///
/// Each position is computed once: keys and values are cached, and the cached path gives the logits of the
/// uncached one bit for bit. What becomes of a prompt is a function of the options, the prompt and its place among
/// the prompts, not of the others. Throws Error(value) for an empty prompt, one longer than the context, ids
/// outside the vocabulary, or options outside their range.
template <Device D, class Model>
std::vector<std::vector<std::int32_t>> generate_batch(D& device, const Model& model,
                                                      std::type_identity_t<Weights<Scalar<D>>> weights,
                                                      std::span<const std::vector<std::int32_t>> prompts,
                                                      const GenerateOptions& options,
                                                      const OnToken& on_token = {}) {
    detail::check_prompts(model, prompts, options);
    Index longest = 0;
    std::vector<detail::GrowingText> texts;
    for (const auto& prompt : prompts) {
        longest = std::max(longest, static_cast<Index>(prompt.size()));
        texts.push_back({{static_cast<Index>(texts.size()), 0}, prompt, {}, false});
    }
    const auto batch = static_cast<Index>(texts.size());
    const KeyValueCaches<D> caches(device, model, batch,
                                   longest + std::min(model.context() - longest, options.max_tokens));
    const Index drawable = options.vocabulary > 0 ? options.vocabulary : model.vocabulary();

    // Texts of one call have equally many fresh tokens: neighbouring prompts of one length go in together, as many
    // as keep a device busy, then all texts advance together.
    const auto advance = [&](std::span<detail::GrowingText*> those) {
        ScratchScope scope(device.scratch());
        const auto count = static_cast<Index>(those.front()->fresh.size()),
                   rows = static_cast<Index>(those.size());
        std::vector<CachedSequence> sequences;
        std::vector<std::int32_t> fresh;
        for (const detail::GrowingText* text : those) {
            sequences.push_back(text->sequence);
            fresh.insert(fresh.end(), text->fresh.begin(), text->fresh.end());
        }
        const auto ids = device.scratch().template allocate<std::int32_t, 2>({rows, count});
        device.upload(fresh.data(), ids.data, fresh.size() * sizeof(std::int32_t));
        const auto logits = scratch(device, Shape<2>{rows, model.vocabulary()});
        model.next_logits(device, weights, ids, caches.layers(), std::span<const CachedSequence>(sequences),
                          logits);
        const Index at_once = std::max<Index>(1, detail::logits_at_once / model.vocabulary());
        std::vector<Accumulator<D>> host;
        for (Index i = 0; i < rows; ++i) {
            if (i % at_once == 0) {
                host = read_accumulators(device, logits.slice(i, std::min(at_once, rows - i)).flat());
            }
            detail::GrowingText& text = *those[static_cast<std::size_t>(i)];
            const Index row = text.sequence.row;
            const auto own = std::span<const Accumulator<D>>(host).subspan(
                static_cast<std::size_t>(i % at_once * model.vocabulary()), static_cast<std::size_t>(drawable));
            const auto token = static_cast<std::int32_t>(
                sample<Accumulator<D>>(own, options.sampling, static_cast<std::uint64_t>(text.result.size()),
                                       static_cast<std::uint64_t>(row)));
            text.sequence.past += count;
            text.fresh = {token};
            text.result.push_back(token);
            if (on_token) on_token(row, token);
            text.ended = options.ends && options.ends(row, token);
        }
    };
    std::vector<detail::GrowingText*> active;
    if (options.max_tokens > 0) {
        for (detail::GrowingText& text : texts) active.push_back(&text);
        for (std::size_t first = 0, count = 1; first < active.size(); first += count) {
            const Index length = active[first]->length();
            for (count = 1; first + count < active.size() && active[first + count]->length() == length &&
                            (static_cast<Index>(count) + 1) * length <= detail::prompt_tokens;) {
                ++count;
            }
            advance(std::span(active).subspan(first, count));
        }
    }
    for (;;) {
        std::erase_if(active, [&](const detail::GrowingText* text) {
            return static_cast<Index>(text->result.size()) >= options.max_tokens ||
                   text->length() > model.context() || text->ended ||
                   std::find(options.stop_tokens.begin(), options.stop_tokens.end(), text->result.back()) !=
                       options.stop_tokens.end();
        });
        if (active.empty()) break;
        advance(active);
    }
    std::vector<std::vector<std::int32_t>> results;
    for (detail::GrowingText& text : texts) results.push_back(std::move(text.result));
    return results;
}

/// Continues one prompt.
template <Device D, class Model>
std::vector<std::int32_t> generate(D& device, const Model& model, std::type_identity_t<Weights<Scalar<D>>> weights,
                                   std::span<const std::int32_t> prompt, const GenerateOptions& options,
                                   const std::function<void(std::int32_t)>& on_token = {}) {
    const std::vector<std::int32_t> one(prompt.begin(), prompt.end());
    OnToken forward;
    if (on_token) forward = [&](Index, std::int32_t token) { on_token(token); };
    return generate_batch(device, model, weights, std::span(&one, 1), options, forward).front();
}

}  // namespace lapidary
