#pragma once

#include <lapidary/core/shape.hpp>
#include <lapidary/data/line_reader.hpp>
#include <lapidary/data/mix.hpp>
#include <lapidary/text/tokenizer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lapidary {

/// Ids that a model may have at most.
inline constexpr Index largest_vocabulary = Index{1} << 26;

/// How the files of a source hold its documents.
enum class SourceFormat {
    lines,      ///< JSON Lines: a line is a document, its text in one field
    text,       ///< a file is a document
    tree,       ///< a folder, walked recursively: a file is a document, its ending tells the language
    token_ids,  ///< LLM360's released chunks: a line {"token_ids": [...], "source": ...} is a window of T + 1 ids
    parquet,    ///< a row is a document, its text in one column
};

/// What becomes of a document that is malformed, without text, not UTF-8 or too long.
enum class BadDocuments { fail, skip };

/// Which documents of a source are taken; a document has to meet all that is set.
struct DocumentFilter {
    Index min_characters = 0;               ///< Unicode characters
    Index max_characters = 0;               ///< 0: any number
    double min_alphanumeric = 0;            ///< share of its characters that are letters or digits, in [0, 1]
    Index max_line_characters = 0;          ///< of its longest line; 0: any
    double max_mean_line_characters = 0;    ///< of its lines; 0: any
    std::vector<std::string> extensions{};  ///< of its file, such as ".py"; empty: any
    std::vector<std::string> languages{};   ///< of its file, such as "python"; empty: any
    bool operator==(const DocumentFilter&) const = default;
};

/// Fill-in-the-middle of a source, as CrystalCoder has it: a part of the documents in a window is rearranged.
struct FimRecipe {
    double rate = 0;        ///< share of the documents, in [0, 1]
    double spm_rate = 0.5;  ///< share of these with the suffix before the prefix, in [0, 1]
    TokenId prefix = -1;    ///< ids of the four marks
    TokenId middle = -1;
    TokenId suffix = -1;
    TokenId pad = -1;  ///< fills a window that came out short; not counted in the loss
    bool operator==(const FimRecipe&) const = default;
};

/// Where documents come from, and how much of them a run sees.
struct RecipeSource {
    std::string name{};
    std::string note{};                ///< where figures come from; decides nothing
    std::vector<std::string> files{};  ///< patterns, relative to a folder that the program names
    SourceFormat format = SourceFormat::lines;
    std::string field = "text";  ///< of a line or row
    double weight = 0;           ///< share of the run's samples, relative to other sources; 0: `epochs` counts
    double epochs = 1;           ///< how often its windows are seen, where sources have no weights
    Index tokens = 0;            ///< published number that the run sees, for plans without data; 0: unknown
    std::optional<FimRecipe> fim{};
    DocumentFilter filter{};
    bool operator==(const RecipeSource&) const = default;

    /// Whether a document's text is one of several fields.
    [[nodiscard]] bool has_fields() const {
        return format == SourceFormat::lines || format == SourceFormat::parquet;
    }
};

/// What is held out of every source: a number of windows or a share of them, not both.
struct HeldOut {
    Index windows = 0;
    double share = 0;  ///< in [0, 1)
    bool operator==(const HeldOut&) const = default;
};

/// How documents become the chunks that a run trains on. `read_recipe` makes one from a file, `check_recipe` says
/// what is wrong with one.
struct Recipe {
    std::string name{};
    std::string note{};       ///< where figures come from; decides nothing
    std::string tokenizer{};  ///< file, relative to the recipe's; empty: the program names it
    Index vocabulary = 0;     ///< 0: the tokenizer's
    Index context = 2048;     ///< T
    Index stride = 2049;      ///< tokens from one window to the next: T + 1 (AMBER) or T (CrystalCoder)
    bool bos = false;         ///< before each document
    bool eos = true;          ///< after each document
    Index chunks = 1;         ///< N
    MixOrder order = MixOrder::shuffled;
    std::uint64_t seed = 11111;
    HeldOut validation{};
    BadDocuments on_bad = BadDocuments::fail;
    Index max_document_bytes = static_cast<Index>(default_max_line_bytes);
    bool deduplicate = false;     ///< drop documents whose text came before
    Index batch = 0;              ///< windows a step of the run that it is meant for; 0: open
    Index steps = 0;              ///< of that run; with weights they size the mix; 0: as many as the data gives
    Index windows_per_chunk = 0;  ///< published number, for plans without data; 0: unknown
    std::vector<RecipeSource> sources{};
    bool operator==(const Recipe&) const = default;

    /// Whether weights, rather than epochs, say how much of each source the run sees.
    [[nodiscard]] bool weighted() const { return !sources.empty() && sources.front().weight > 0; }
    /// Tokens of a window, T + 1.
    [[nodiscard]] Index window() const { return context + 1; }
};

}  // namespace lapidary
