#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/apportion.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/io/quote.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lapidary {

namespace detail {

inline Index checked_product(Index a, Index b) { return element_count(Shape<2>{a, b}); }

inline void check_count(const Recipe& recipe, std::span<const Index> windows, const char* operation) {
    if (windows.size() == recipe.sources.size()) return;
    throw Error(ErrorCode::value, operation,
                std::to_string(windows.size()) + " numbers of windows for " +
                    std::to_string(recipe.sources.size()) + " sources");
}

inline std::vector<Index> recipe_weights(const Recipe& recipe) {
    std::vector<double> weights;
    for (const RecipeSource& source : recipe.sources) weights.push_back(source.weight);
    return integer_weights(weights);
}

// `total` cut to what fills all chunks equally; something has to remain.
inline Index fill_chunks(const Recipe& recipe, Index total) {
    if (total < recipe.chunks) {
        throw Error(ErrorCode::value, "mix",
                    recipe.name + ": " + std::to_string(total) + " windows for " + std::to_string(recipe.chunks) +
                        " chunks");
    }
    return total - total % recipe.chunks;
}

}  // namespace detail

/// How many of each source's windows are held out: the recipe's number, or its share to the nearest window.
/// Throws Error(value) naming a source that has fewer.
inline std::vector<Index> held_out_of(const Recipe& recipe, std::span<const Index> windows) {
    detail::check_count(recipe, windows, "held_out_of");
    std::vector<Index> held_out;
    for (std::size_t s = 0; s < windows.size(); ++s) {
        const HeldOut& rule = recipe.validation;
        held_out.push_back(rule.windows > 0 ? rule.windows : rounded_product(rule.share, windows[s]));
        if (held_out.back() <= windows[s]) continue;
        throw Error(ErrorCode::value, "held_out_of",
                    recipe.name + ": " + std::to_string(held_out.back()) + " windows of " +
                        quote(recipe.sources[s].name) + " are to be held out, it has " +
                        std::to_string(windows[s]));
    }
    return held_out;
}

/// How many windows of each source, repetitions counted, the chunks hold; `training_windows` are what sources have
/// after the held-out ones. The sum is a multiple of the number of chunks.
///
/// By epochs: epochs * windows to the nearest, then cut: for `dealt` each to a multiple of the chunks, as AMBER
/// drops its incomplete last rounds, else all together, in proportion. By weights: batch * steps windows in all
/// or, if the recipe names no steps, as many as the scarcest source allows without a repetition, cut to a multiple
/// of the chunks and shared out by `apportion`.
///
/// Throws Error(value) naming a source with a weight and no windows, or if there are fewer windows than chunks.
inline std::vector<Index> samples_of(const Recipe& recipe, std::span<const Index> training_windows) {
    detail::check_count(recipe, training_windows, "samples_of");
    if (recipe.weighted()) {
        for (std::size_t s = 0; s < training_windows.size(); ++s) {
            if (training_windows[s] > 0) continue;
            throw Error(
                ErrorCode::value, "samples_of",
                recipe.name + ": " + quote(recipe.sources[s].name) + " has a weight, but no window to train on");
        }
        const std::vector<Index> weights = detail::recipe_weights(recipe);
        const Index total = recipe.steps > 0 ? detail::checked_product(recipe.batch, recipe.steps)
                                             : largest_total(training_windows, weights);
        return apportion(detail::fill_chunks(recipe, total), weights);
    }
    std::vector<Index> samples;
    for (std::size_t s = 0; s < training_windows.size(); ++s) {
        samples.push_back(rounded_product(recipe.sources[s].epochs, training_windows[s]));
        if (recipe.order == MixOrder::dealt) samples.back() -= samples.back() % recipe.chunks;
    }
    const auto total = static_cast<Index>(detail::checked_sum(samples, "samples_of"));
    return apportion(detail::fill_chunks(recipe, total), samples);
}

/// The same before there is any data, from what was published: weights with batch * steps, or with the number of
/// windows in a chunk; or the tokens of every source, a window counting as `stride` tokens, and the number of
/// windows in a chunk, if known: published tokens are rounded, so that they give the proportions only. Throws
/// Error(value) saying what the recipe lacks.
inline std::vector<Index> planned_samples(const Recipe& recipe) {
    const Index published = detail::checked_product(recipe.windows_per_chunk, recipe.chunks);
    if (recipe.weighted()) {
        const Index total = recipe.steps > 0 ? detail::checked_product(recipe.batch, recipe.steps) : published;
        if (total == 0) {
            throw Error(ErrorCode::value, "planned_samples",
                        recipe.name + ": without data, weights need 'batch' and 'steps', or 'windows_per_chunk'");
        }
        return apportion(detail::fill_chunks(recipe, total), detail::recipe_weights(recipe));
    }
    std::vector<Index> tokens;
    for (const RecipeSource& source : recipe.sources) {
        if (source.tokens == 0) {
            throw Error(
                ErrorCode::value, "planned_samples",
                recipe.name + ": without data, the 'tokens' of " + quote(source.name) + " have to be known");
        }
        tokens.push_back(source.tokens);
    }
    const Index covered = static_cast<Index>(detail::checked_sum(tokens, "planned_samples")) / recipe.stride;
    const Index total = detail::fill_chunks(recipe, published > 0 ? published : covered);
    if (recipe.order != MixOrder::dealt) return apportion(total, tokens);
    std::vector<Index> samples = apportion(total / recipe.chunks, tokens);  // a multiple of the chunks for each
    for (Index& one : samples) one *= recipe.chunks;
    return samples;
}

}  // namespace lapidary
