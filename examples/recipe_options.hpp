#pragma once

#include <lapidary/data/input_files.hpp>
#include <lapidary/data/languages.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/recipe_file.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

/// What `prepare` is told of the recipe: a file, or a family's way with files named on the command line.
struct RecipeOptions {
    std::string recipe = "amber";
    std::filesystem::path data;
    std::vector<std::string> input;
    lapidary::Index chunks = 0;
    lapidary::Index context = 0;
    std::uint64_t seed = 11111;
    double validation = 0.01;
    std::string text_field;
    bool skip_bad = false;
    CLI::Option* seed_given = nullptr;
    CLI::Option* validation_given = nullptr;

    void add_to(CLI::App& app) {
        using lapidary::Index;
        app.add_option("--recipe", recipe,
                       "A recipe file (.json), or how the --input files become windows: amber, crystalcoder")
            ->capture_default_str();
        app.add_option("--data", data, "Folder of the recipe's files [that of the recipe]");
        app.add_option("--input", input,
                       "Files or patterns: .jsonl or .txt, also .gz and .zst; a source by file name");
        app.add_option("--chunks", chunks, "Number of chunks [the recipe's; 360]")->check(CLI::PositiveNumber);
        app.add_option("--context", context, "Tokens a model sees; a window has one more [the recipe's; 2048]")
            ->check(CLI::PositiveNumber);
        seed_given =
            app.add_option("--seed", seed, "Seed of held-out windows, order and FIM [the recipe's; 11111]");
        validation_given =
            app.add_option("--validation", validation, "Share of windows held out [the recipe's; 0.01]");
        app.add_option("--text-field", text_field,
                       "Field of a JSON line that holds the text [the recipe's; text]");
        app.add_flag("--skip-bad", skip_bad, "Leave bad documents out and count them, instead of stopping");
    }

    [[nodiscard]] bool is_file() const { return std::filesystem::path(recipe).extension() == ".json"; }

    /// Where the recipe's patterns start.
    [[nodiscard]] std::filesystem::path root() const {
        if (!is_file()) return {};
        return data.empty() ? std::filesystem::path(recipe).parent_path() : data;
    }

    /// The recipe, checked. Throws Error, also for options that do not go with it.
    [[nodiscard]] lapidary::Recipe make() const {
        using namespace lapidary;
        Recipe result = is_file() ? read_recipe(recipe) : of_family();
        if (is_file() && !input.empty()) {
            throw Error(ErrorCode::value, "prepare",
                        recipe + " names its files; --input is for amber and crystalcoder");
        }
        if (chunks != 0) result.chunks = chunks;
        if (context != 0) {
            result.stride += context - result.context;
            result.context = context;
        }
        if (seed_given->count() > 0) result.seed = seed;
        if (validation_given->count() > 0 || !is_file()) result.validation = {.share = validation};
        if (skip_bad) result.on_bad = BadDocuments::skip;
        for (RecipeSource& source : result.sources) {
            if (!text_field.empty() && source.has_fields()) source.field = text_field;
        }
        check_recipe(result, recipe);
        return result;
    }

private:
    // Files of one name, but for their endings, are one source.
    static std::string source_name(const std::filesystem::path& file) {
        return lapidary::without_compression(file).stem().string();
    }
    static lapidary::SourceFormat format_of(const std::filesystem::path& file) {
        const std::filesystem::path ending = lapidary::without_compression(file).extension();
        if (ending == ".parquet") return lapidary::SourceFormat::parquet;
        return ending == ".txt" ? lapidary::SourceFormat::text : lapidary::SourceFormat::lines;
    }

    [[nodiscard]] lapidary::Recipe of_family() const {
        using namespace lapidary;
        if (recipe != "amber" && recipe != "crystalcoder") {
            throw Error(ErrorCode::value, "prepare",
                        "the recipe '" + recipe + "' is none of amber, crystalcoder and files that end in .json");
        }
        if (!data.empty())
            throw Error(ErrorCode::value, "prepare",
                        "--data is for recipe files; --input names files as they are");
        if (input.empty()) throw Error(ErrorCode::value, "prepare", "--input names no file");
        const bool amber = recipe == "amber";
        Recipe result{.name = recipe,
                      .stride = amber ? 2049 : 2048,
                      .chunks = 360,
                      .order = amber ? MixOrder::dealt : MixOrder::shuffled};
        for (const std::string& pattern : input) {
            for (const std::filesystem::path& file : detail::matches_of(pattern)) {
                const std::string name = source_name(file);
                auto found = std::find_if(result.sources.begin(), result.sources.end(),
                                          [&](const RecipeSource& source) { return source.name == name; });
                if (found == result.sources.end()) {
                    found = result.sources.insert(found, {.name = name, .format = format_of(file)});
                }
                if (found->format != format_of(file)) {
                    throw Error(ErrorCode::value, "prepare",
                                file.string() + ": a source by its name, but of another kind than " +
                                    found->files.front());
                }
                found->files.push_back(file.string());
            }
        }
        return result;
    }
};
