#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/core/version.hpp>
#include <lapidary/data/chunk_counts.hpp>
#include <lapidary/data/chunk_names.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/recipe_json.hpp>
#include <lapidary/data/token_store.hpp>
#include <lapidary/io/json_value.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace lapidary {

/// What `data.json` says of a prepared directory, but for the hashes of its files.
///
/// `sources` names what windows count as: first the sources of the recipe, with what became of them, then other
/// labels (languages of a source tree, sources of released chunk files).
inline Json prepared_manifest(const Recipe& recipe, const TokenStore& store, const ChunkCounts& counts,
                              Index vocabulary, TokenId eos) {
    Json manifest{{"format", data_format},
                  {"lapidary", version},
                  {"chunks", recipe.chunks},
                  {"context", recipe.context},
                  {"vocabulary", vocabulary},
                  {"eos", eos},
                  {"pad", nullptr},
                  {"windows_per_chunk", counts.windows_per_chunk},
                  {"validation_windows", counts.total.validation}};
    for (const RecipeSource& source : recipe.sources) {
        if (source.fim) manifest["pad"] = source.fim->pad;
    }
    for (const SourceCounts& source : counts.sources) manifest["sources"].push_back(source.json());
    for (std::size_t i = counts.sources.size(); i < store.labels().size(); ++i) {
        manifest["sources"].push_back({{"name", store.labels()[i]}});
    }
    manifest["total"] = counts.total.json();
    manifest["recipe"] = recipe_json(recipe);
    manifest["inputs"] = Json::array();
    for (std::size_t i = 0; i < store.files().size(); ++i) {
        const InputFile& file = store.files()[i];
        const FinishedInput input = store.inputs().read(static_cast<Index>(i));
        manifest["inputs"].push_back({{"file", file.path.string()},
                                      {"source", recipe.sources[static_cast<std::size_t>(file.source)].name},
                                      {"bytes", input.bytes},
                                      {"sha256", input.hash()}});
    }
    return manifest;
}

}  // namespace lapidary
