#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/mix.hpp>
#include <lapidary/data/mix_samples.hpp>
#include <lapidary/data/recipe.hpp>

#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lapidary {

/// The sizes of a mix.
struct MixPlan {
    std::vector<std::string> sources;  ///< names
    std::vector<Index> samples;        ///< windows of each, repetitions counted
    Index chunks = 1;
    Index context = 0;  ///< T
    Index stride = 0;

    MixPlan(const Recipe& recipe, std::vector<Index> samples_of_sources)
        : samples(std::move(samples_of_sources)),
          chunks(recipe.chunks),
          context(recipe.context),
          stride(recipe.stride) {
        for (const RecipeSource& source : recipe.sources) sources.push_back(source.name);
    }

    [[nodiscard]] Index total_samples() const { return std::accumulate(samples.begin(), samples.end(), Index{0}); }
    [[nodiscard]] Index windows_per_chunk() const { return total_samples() / chunks; }
    /// Full batches in a chunk; what is left of it is not trained on. Throws Error(value) for a batch below 1.
    [[nodiscard]] Index steps_per_chunk(Index batch) const {
        if (batch < 1) throw Error(ErrorCode::value, "plan", "a batch of " + std::to_string(batch) + " windows");
        return windows_per_chunk() / batch;
    }
    [[nodiscard]] Index steps(Index batch) const { return steps_per_chunk(batch) * chunks; }
    /// Tokens of a source's text that its samples take up, `stride` a window: AMBER's table of its mix counts so,
    /// and CrystalCoder's.
    [[nodiscard]] Index tokens(std::size_t source) const {
        return detail::checked_product(samples.at(source), stride);
    }
    [[nodiscard]] Index total_tokens() const { return detail::checked_product(total_samples(), stride); }
    /// Tokens predicted in `steps(batch)` steps, T a window.
    [[nodiscard]] Index trained_tokens(Index batch) const {
        return detail::checked_product(steps(batch) * batch, context);
    }
};

/// What a run on a recipe comes to before there is any data; throws what `planned_samples` throws.
inline MixPlan plan_mix(const Recipe& recipe) { return {recipe, planned_samples(recipe)}; }

/// The same with the windows that there are; throws what `samples_of` throws.
inline MixPlan plan_mix(const Recipe& recipe, std::span<const Index> training_windows) {
    return {recipe, samples_of(recipe, training_windows)};
}

/// The mix of a recipe over the windows that its sources have; throws what `samples_of` throws.
inline Mix make_mix(const Recipe& recipe, std::span<const Index> training_windows) {
    const std::vector<Index> samples = samples_of(recipe, training_windows);
    std::vector<MixSource> sources;
    for (std::size_t s = 0; s < samples.size(); ++s) sources.push_back({training_windows[s], samples[s]});
    return {std::move(sources), recipe.chunks, recipe.order, recipe.seed};
}

}  // namespace lapidary
