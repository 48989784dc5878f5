#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/io/quote.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace lapidary {

// How files spell what a recipe chooses from, in the order of the enumerators.
constexpr auto names_of(MixOrder) { return std::array{"dealt", "shuffled", "given"}; }
constexpr auto names_of(SourceFormat) { return std::array{"lines", "text", "tree", "token_ids", "parquet"}; }
constexpr auto names_of(BadDocuments) { return std::array{"fail", "skip"}; }

/// The name of a choice.
template <class Choice>
std::string choice_name(Choice choice) {
    return names_of(choice).at(static_cast<std::size_t>(choice));
}

/// The choice of a name. Throws Error(format) naming `place` and all choices for any other.
template <class Choice>
Choice choice_named(const std::string& name, const std::string& place) {
    const auto names = names_of(Choice{});
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<Choice>(found - names.begin());
    std::string all;
    for (const char* one : names) all += (all.empty() ? "" : ", ") + quote(one);
    throw Error(ErrorCode::format, "recipe", place + " must be one of " + all + ", got " + quote(name));
}

}  // namespace lapidary
