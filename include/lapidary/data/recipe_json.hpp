#pragma once

#include <lapidary/data/recipe.hpp>
#include <lapidary/data/recipe_names.hpp>
#include <lapidary/io/json_parse.hpp>

namespace lapidary {

namespace detail {

inline Json filter_json(const DocumentFilter& filter) {
    return {{"min_characters", filter.min_characters},
            {"max_characters", filter.max_characters},
            {"min_alphanumeric", filter.min_alphanumeric},
            {"max_line_characters", filter.max_line_characters},
            {"max_mean_line_characters", filter.max_mean_line_characters},
            {"extensions", filter.extensions},
            {"languages", filter.languages}};
}

inline Json source_json(const RecipeSource& source) {
    Json json{{"name", source.name}};
    if (!source.note.empty()) json["note"] = source.note;
    json["files"] = source.files;
    json["format"] = choice_name(source.format);
    if (source.has_fields()) json["field"] = source.field;
    if (source.weight > 0) {
        json["weight"] = source.weight;
    } else {
        json["epochs"] = source.epochs;
    }
    if (source.tokens > 0) json["tokens"] = source.tokens;
    if (source.fim) {
        json["fim"] = {{"rate", source.fim->rate},     {"spm_rate", source.fim->spm_rate},
                       {"prefix", source.fim->prefix}, {"middle", source.fim->middle},
                       {"suffix", source.fim->suffix}, {"pad", source.fim->pad}};
    }
    if (source.filter != DocumentFilter{}) json["filter"] = filter_json(source.filter);
    return json;
}

}  // namespace detail

/// A recipe as a file would hold it, defaults spelled out: `parse_recipe` gives the same recipe back.
inline Json recipe_json(const Recipe& recipe) {
    Json json{{"name", recipe.name}};
    const auto add_if_set = [&](const char* key, const auto& value) {
        if (value != std::decay_t<decltype(value)>{}) json[key] = value;
    };
    add_if_set("note", recipe.note);
    add_if_set("tokenizer", recipe.tokenizer);
    add_if_set("vocabulary", recipe.vocabulary);
    json["context"] = recipe.context;
    json["stride"] = recipe.stride;
    json["bos"] = recipe.bos;
    json["eos"] = recipe.eos;
    json["chunks"] = recipe.chunks;
    json["order"] = choice_name(recipe.order);
    json["seed"] = recipe.seed;
    json["validation"] = Json::object();
    if (recipe.validation.windows > 0) json["validation"]["windows"] = recipe.validation.windows;
    if (recipe.validation.share > 0) json["validation"]["share"] = recipe.validation.share;
    json["on_bad"] = choice_name(recipe.on_bad);
    json["max_document_bytes"] = recipe.max_document_bytes;
    json["deduplicate"] = recipe.deduplicate;
    add_if_set("batch", recipe.batch);
    add_if_set("steps", recipe.steps);
    add_if_set("windows_per_chunk", recipe.windows_per_chunk);
    json["sources"] = Json::array();
    for (const RecipeSource& source : recipe.sources) json["sources"].push_back(detail::source_json(source));
    return json;
}

}  // namespace lapidary
