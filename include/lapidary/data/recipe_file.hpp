#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/check_recipe.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/recipe_names.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/io/quote.hpp>

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

namespace lapidary {

namespace detail {

/// Takes the keys of a JSON object one by one and refuses those that nobody asked for.
class RecipeFields {
public:
    /// `where`: file and part of it, for errors. Throws Error(format) unless it is an object.
    RecipeFields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
        if (!object.is_object()) throw_json_type(object, where_ + ":", "an object");
        known_.insert("note");
    }

    [[nodiscard]] bool has(const char* key) const { return object_.contains(key); }
    /// Reads `key` into `value`, which keeps what it holds if the key is missing; null is refused.
    template <class T>
    void read(const char* key, T& value) {
        known_.insert(key);
        if (!has(key)) return;
        if constexpr (std::is_enum_v<T>) {
            value = choice_named<T>(get<std::string>(object_, key, where_), where_ + ": " + quote(key));
        } else {
            value = get<T>(object_, key, where_);
        }
    }
    /// The same, but the key has to be there.
    template <class T>
    void require(const char* key, T& value) {
        if (!has(key)) throw Error(ErrorCode::format, "recipe", where_ + ": " + quote(key) + " is missing");
        read(key, value);
    }
    /// Reads an object of its own, if there is one.
    template <class Read>
    void read_object(const char* key, Read read) {
        known_.insert(key);
        if (!has(key)) return;
        RecipeFields fields(object_.at(key), where_ + ": " + quote(key));
        read(fields);
        fields.finish();
    }
    /// Throws Error(format) for the first key that was not asked for, and for a note that is no text.
    void finish() const {
        for (const auto& [key, value] : object_.items()) {
            if (!known_.contains(key)) {
                throw Error(ErrorCode::format, "recipe",
                            where_ + ": " + quote(key) + " is no key that belongs here");
            }
        }
        if (has("note")) static_cast<void>(get<std::string>(object_, "note", where_));
    }

private:
    const Json& object_;
    std::string where_;
    std::set<std::string> known_;
};

inline RecipeSource parse_source(const Json& json, const std::string& where) {
    RecipeSource source;
    RecipeFields fields(json, where);
    fields.require("name", source.name);
    fields.read("note", source.note);
    fields.require("files", source.files);
    fields.read("format", source.format);
    fields.read("field", source.field);
    fields.read("weight", source.weight);
    fields.read("epochs", source.epochs);
    fields.read("tokens", source.tokens);
    fields.read_object("fim", [&](RecipeFields& keys) {
        FimRecipe& fim = source.fim.emplace();
        keys.require("rate", fim.rate);
        keys.read("spm_rate", fim.spm_rate);
        keys.require("prefix", fim.prefix);
        keys.require("middle", fim.middle);
        keys.require("suffix", fim.suffix);
        keys.require("pad", fim.pad);
    });
    fields.read_object("filter", [&](RecipeFields& keys) {
        keys.read("min_characters", source.filter.min_characters);
        keys.read("max_characters", source.filter.max_characters);
        keys.read("min_alphanumeric", source.filter.min_alphanumeric);
        keys.read("max_line_characters", source.filter.max_line_characters);
        keys.read("max_mean_line_characters", source.filter.max_mean_line_characters);
        keys.read("extensions", source.filter.extensions);
        keys.read("languages", source.filter.languages);
    });
    fields.finish();
    const RecipeCheck check(where);
    check.require(!fields.has("weight") || source.weight != 0, "'weight' must be positive; leave the source out");
    check.require(!fields.has("weight") || !fields.has("epochs"), "'weight' and 'epochs' exclude each other");
    return source;
}

}  // namespace detail

/// The recipe that a JSON object holds, `where` being its file. Every object may have a "note" beside its keys;
/// those of the recipe and of its sources are kept. Throws Error(format) naming file and key for a key that is
/// missing, unknown or of another type, and what `check_recipe` throws.
inline Recipe parse_recipe(const Json& json, const std::string& where) {
    Recipe recipe;
    detail::RecipeFields fields(json, where);
    fields.require("name", recipe.name);
    fields.read("note", recipe.note);
    fields.read("tokenizer", recipe.tokenizer);
    fields.read("vocabulary", recipe.vocabulary);
    fields.require("context", recipe.context);
    recipe.stride = recipe.context;
    if (fields.has("stride")) {
        fields.read("stride", recipe.stride);
    } else if (recipe.context < (Index{1} << 31)) {
        ++recipe.stride;
    }
    fields.read("bos", recipe.bos);
    fields.read("eos", recipe.eos);
    fields.require("chunks", recipe.chunks);
    fields.read("order", recipe.order);
    fields.read("seed", recipe.seed);
    fields.read_object("validation", [&](detail::RecipeFields& keys) {
        keys.read("windows", recipe.validation.windows);
        keys.read("share", recipe.validation.share);
    });
    fields.read("on_bad", recipe.on_bad);
    fields.read("max_document_bytes", recipe.max_document_bytes);
    fields.read("deduplicate", recipe.deduplicate);
    fields.read("batch", recipe.batch);
    fields.read("steps", recipe.steps);
    fields.read("windows_per_chunk", recipe.windows_per_chunk);
    Json sources;
    fields.require("sources", sources);
    if (!sources.is_array()) detail::throw_json_type(sources, where + ": 'sources'", "an array");
    for (std::size_t s = 0; s < sources.size(); ++s) {
        recipe.sources.push_back(detail::parse_source(sources[s], where + ": sources[" + std::to_string(s) + "]"));
    }
    fields.finish();
    check_recipe(recipe, where);
    return recipe;
}

/// The recipe in a file; see `parse_recipe`. Throws Error(io) if it cannot be read and Error(format) naming line
/// and column if it is not JSON (which has no comments).
inline Recipe read_recipe(const std::filesystem::path& file) {
    return parse_recipe(read_json(file), file.string());
}

}  // namespace lapidary
