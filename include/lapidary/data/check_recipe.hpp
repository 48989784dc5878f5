#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/data/languages.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/io/quote.hpp>

#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace lapidary {

namespace detail {

/// Refuses values of a recipe, or of a part of it, naming file, part and key.
class RecipeCheck {
public:
    explicit RecipeCheck(std::string where) : where_(std::move(where)) {}

    void require(bool holds, std::string_view reason) const {
        if (!holds) throw Error(ErrorCode::format, "recipe", where_ + ": " + std::string(reason));
    }
    void named(const std::string& name) const { require(!name.empty(), "'name' is empty"); }
    void at_least(const char* key, Index value, Index least) const {
        require(value >= least,
                quote(key) + " must be at least " + std::to_string(least) + ", got " + std::to_string(value));
    }
    /// Keeps products of two such numbers, and those with a context, within 63 bits.
    void within(const char* key, Index value, Index least, Index most) const {
        at_least(key, value, least);
        require(value <= most,
                quote(key) + " must be at most " + std::to_string(most) + ", got " + std::to_string(value));
    }
    void share(const char* key, double value) const {
        require(value >= 0 && value <= 1, quote(key) + " must be a share in [0, 1], got " + std::to_string(value));
    }

private:
    std::string where_;
};

inline void check_fim(const FimRecipe& fim, Index vocabulary, const RecipeCheck& check) {
    check.share("rate", fim.rate);
    check.share("spm_rate", fim.spm_rate);
    for (const TokenId id : {fim.prefix, fim.middle, fim.suffix, fim.pad}) {
        check.require(id >= 0 && id < (vocabulary == 0 ? largest_vocabulary : vocabulary),
                      "the ids of marks must be within the vocabulary, got " + std::to_string(id));
    }
    check.require(std::set<TokenId>{fim.prefix, fim.middle, fim.suffix, fim.pad}.size() == 4,
                  "the ids of marks must differ");
}

inline void check_filter(const DocumentFilter& filter, const RecipeCheck& check) {
    check.at_least("min_characters", filter.min_characters, 0);
    check.at_least("max_characters", filter.max_characters, 0);
    check.require(filter.max_characters == 0 || filter.min_characters <= filter.max_characters,
                  "'min_characters' is more than 'max_characters'");
    check.share("min_alphanumeric", filter.min_alphanumeric);
    check.at_least("max_line_characters", filter.max_line_characters, 0);
    check.require(std::isfinite(filter.max_mean_line_characters) && filter.max_mean_line_characters >= 0,
                  "'max_mean_line_characters' must be at least 0");
    for (const std::string& extension : filter.extensions) {
        check.require(extension.size() > 1 && extension.front() == '.',
                      "'extensions' must be like '.py', got " + quote(extension));
    }
    for (const std::string& language : filter.languages) {
        check.require(is_language(language),
                      "'languages' holds " + quote(language) + ", which is none of data/languages.hpp");
    }
}

inline void check_source(const RecipeSource& source, bool weighted, Index vocabulary, const std::string& where) {
    const RecipeCheck check(where);
    check.named(source.name);
    check.require(!source.files.empty(), "'files' is empty");
    for (const std::string& files : source.files) check.require(!files.empty(), "'files' holds an empty pattern");
    check.require(!source.field.empty(), "'field' is empty");
    check.require(source.has_fields() || source.field == "text", "'field' is for 'lines' and 'parquet' only");
    check.require(source.weight == 0 || (source.weight > 0 && std::isfinite(source.weight)),
                  "'weight' must be positive, got " + std::to_string(source.weight));
    check.require((source.weight > 0) == weighted, "either all sources have a 'weight' or none has");
    check.require(!weighted || source.epochs == 1, "'weight' and 'epochs' exclude each other");
    check.require(source.epochs > 0 && source.epochs <= 65536,
                  "'epochs' must be positive and at most 65536, got " + std::to_string(source.epochs));
    check.at_least("tokens", source.tokens, 0);
    if (source.fim) check_fim(*source.fim, vocabulary, RecipeCheck(where + ": 'fim'"));
    check_filter(source.filter, RecipeCheck(where + ": 'filter'"));
    check.require(source.format != SourceFormat::token_ids || source.filter == DocumentFilter{},
                  "'filter' is for documents, and 'token_ids' has windows");
}

}  // namespace detail

/// Throws Error(format) naming `where` (the recipe's file), the source and the key for values outside their domain
/// and for keys that exclude each other.
inline void check_recipe(const Recipe& recipe, const std::string& where) {
    constexpr Index most = Index{1} << 31;
    const detail::RecipeCheck check(where);
    check.named(recipe.name);
    check.within("vocabulary", recipe.vocabulary, 0, largest_vocabulary);
    check.within("context", recipe.context, 1, most);
    check.require(recipe.stride == recipe.context || recipe.stride == recipe.context + 1,
                  "'stride' must be 'context' or one more, got " + std::to_string(recipe.stride));
    check.within("chunks", recipe.chunks, 1, most);
    check.at_least("max_document_bytes", recipe.max_document_bytes, 1);
    check.within("batch", recipe.batch, 0, most);
    check.within("steps", recipe.steps, 0, most);
    check.require(recipe.steps == 0 || recipe.batch > 0, "'steps' needs a 'batch'");
    check.within("windows_per_chunk", recipe.windows_per_chunk, 0, most);
    const detail::RecipeCheck held_out(where + ": 'validation'");
    held_out.at_least("windows", recipe.validation.windows, 0);
    held_out.require(recipe.validation.share >= 0 && recipe.validation.share < 1,
                     "'share' must be in [0, 1), got " + std::to_string(recipe.validation.share));
    held_out.require(recipe.validation.windows == 0 || recipe.validation.share == 0,
                     "'windows' and 'share' exclude each other");
    check.require(!recipe.sources.empty(), "'sources' is empty");
    check.require(recipe.sources.size() <= 65536,
                  "'sources' has " + std::to_string(recipe.sources.size()) + " entries, at most 65536");
    std::set<std::string> names;
    std::set<TokenId> pads;
    for (std::size_t s = 0; s < recipe.sources.size(); ++s) {
        const RecipeSource& source = recipe.sources[s];
        const std::string place = where + ": sources[" + std::to_string(s) + "] " + quote(source.name);
        if (source.fim) pads.insert(source.fim->pad);
        detail::RecipeCheck(place).require(pads.size() < 2, "all sources with 'fim' must have one 'pad'");
        detail::check_source(source, recipe.weighted(), recipe.vocabulary, place);
        detail::RecipeCheck(place).require(names.insert(source.name).second, "two sources have this name");
        detail::RecipeCheck(place).require(
            source.format != SourceFormat::token_ids || recipe.stride == recipe.window(),
            "'token_ids' are whole windows, so 'stride' must be 'context' + 1");
    }
}

}  // namespace lapidary
