#include "catch.hpp"
#include "data/support.hpp"

#include <lapidary/data/mix_plan.hpp>
#include <lapidary/data/recipe_file.hpp>
#include <lapidary/data/recipe_json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

const std::vector<std::string> committed{"amber", "crystalcoder-phase1", "crystalcoder-phase2",
                                         "crystalcoder-phase3", "corpus"};

Recipe committed_recipe(const std::string& name) {
    return read_recipe(std::string(LAPIDARY_TEST_DATA) + "/../examples/recipes/" + name + ".json");
}

// A recipe of two sources that is valid.
Json small() {
    return parse_json(R"({"name": "small", "context": 8, "chunks": 2, "sources": [
        {"name": "a", "files": ["a.jsonl"]}, {"name": "b", "files": ["b*.jsonl", "c.jsonl"]}]})",
                      "small");
}

// What parsing says about a recipe; empty if it is valid.
std::string refusal(const Json& recipe) {
    try {
        parse_recipe(recipe, "r.json");
    } catch (const Error& error) {
        return error.code() == ErrorCode::format ? error.what() : "another code";
    }
    return "";
}
std::string refusal_with(const std::string& pointer, const Json& value) {
    Json recipe = small();
    recipe[Json::json_pointer(pointer)] = value;
    return refusal(recipe);
}

// Billions, to the decimals that a table prints.
double billions(Index tokens, double places) {
    return std::round(static_cast<double>(tokens) / 1e9 * std::pow(10, places)) / std::pow(10, places);
}

}  // namespace

TEST_CASE("what a recipe does not say has a default", "[recipe]") {
    const Recipe recipe = parse_recipe(small(), "r.json");
    CHECK(recipe.name == "small");
    CHECK(recipe.context == 8);
    CHECK(recipe.stride == 9);
    CHECK(recipe.eos);
    CHECK_FALSE(recipe.bos);
    CHECK(recipe.chunks == 2);
    CHECK(recipe.order == MixOrder::shuffled);
    CHECK(recipe.on_bad == BadDocuments::fail);
    CHECK(recipe.validation == HeldOut{});
    CHECK_FALSE(recipe.weighted());
    REQUIRE(recipe.sources.size() == 2);
    CHECK(recipe.sources[1].name == "b");
    CHECK(recipe.sources[1].files == std::vector<std::string>{"b*.jsonl", "c.jsonl"});
    CHECK(recipe.sources[1].format == SourceFormat::lines);
    CHECK(recipe.sources[1].field == "text");
    CHECK(recipe.sources[1].epochs == 1.0);
}

TEST_CASE("every key is read and written back", "[recipe]") {
    const std::string text = R"({
      "name": "all", "note": "n", "tokenizer": "t.model", "vocabulary": 300, "context": 16, "stride": 16, "bos": true,
      "eos": false, "chunks": 3, "order": "given", "seed": 18446744073709551615, "validation": {"windows": 5, "note": ""},
      "on_bad": "skip", "max_document_bytes": 99, "deduplicate": true, "batch": 4, "steps": 7, "windows_per_chunk": 11,
      "sources": [
        {"name": "a", "note": "m", "files": ["x"], "format": "parquet", "field": "content", "weight": 0.04325, "tokens": 6,
         "fim": {"rate": 0.9, "spm_rate": 0.25, "prefix": 1, "middle": 2, "suffix": 3, "pad": 4, "note": "p"},
         "filter": {"min_characters": 1, "max_characters": 2, "min_alphanumeric": 0.5, "max_line_characters": 3,
                    "max_mean_line_characters": 1.5, "extensions": [".py"], "languages": ["python"]}},
        {"name": "b", "files": ["y"], "format": "tree", "weight": 1}]})";
    const Recipe recipe = parse_recipe(parse_json(text, "all"), "all");
    CHECK(recipe.tokenizer == "t.model");
    CHECK(recipe.vocabulary == 300);
    CHECK(recipe.stride == 16);
    CHECK(recipe.bos);
    CHECK_FALSE(recipe.eos);
    CHECK(recipe.order == MixOrder::given);
    CHECK(recipe.seed == 18446744073709551615ULL);
    CHECK(recipe.validation == HeldOut{.windows = 5});
    CHECK(recipe.on_bad == BadDocuments::skip);
    CHECK(recipe.max_document_bytes == 99);
    CHECK(recipe.deduplicate);
    CHECK(recipe.batch == 4);
    CHECK(recipe.steps == 7);
    CHECK(recipe.windows_per_chunk == 11);
    CHECK(recipe.weighted());
    const RecipeSource& source = recipe.sources.at(0);
    CHECK(source.format == SourceFormat::parquet);
    CHECK(source.field == "content");
    CHECK(source.weight == 0.04325);
    CHECK(source.tokens == 6);
    CHECK(source.fim == FimRecipe{.rate = 0.9, .spm_rate = 0.25, .prefix = 1, .middle = 2, .suffix = 3, .pad = 4});
    CHECK(source.filter == DocumentFilter{.min_characters = 1,
                                          .max_characters = 2,
                                          .min_alphanumeric = 0.5,
                                          .max_line_characters = 3,
                                          .max_mean_line_characters = 1.5,
                                          .extensions = {".py"},
                                          .languages = {"python"}});
    CHECK(recipe.sources.at(1).format == SourceFormat::tree);

    const std::string written = recipe_json(recipe).dump();
    CHECK(parse_recipe(parse_json(written, "written"), "written") == recipe);
    const Recipe defaults = parse_recipe(small(), "r.json");
    CHECK(parse_recipe(recipe_json(defaults), "written") == defaults);
}

TEST_CASE("a key that is missing, unknown or of another type is named with its place", "[recipe]") {
    CHECK(refusal(small()).empty());
    for (const char* key : {"name", "context", "chunks", "sources"}) {
        Json recipe = small();
        recipe.erase(key);
        CHECK_THAT(refusal(recipe), ContainsSubstring("r.json: '" + std::string(key) + "' is missing"));
    }
    Json no_files = small();
    no_files["sources"][1].erase("files");
    CHECK_THAT(refusal(no_files), ContainsSubstring("r.json: sources[1]: 'files' is missing"));

    CHECK_THAT(refusal_with("/chuncks", 3), ContainsSubstring("r.json: 'chuncks' is no key that belongs here"));
    CHECK_THAT(refusal_with("/sources/0/wieght", 3), ContainsSubstring("sources[0]: 'wieght' is no key"));
    CHECK_THAT(refusal_with("/sources/0/filter", {{"min", 3}}),
               ContainsSubstring("sources[0]: 'filter': 'min' is no"));
    CHECK_THAT(refusal_with("/validation", {{"shares", 0.1}}),
               ContainsSubstring("'validation': 'shares' is no key"));

    CHECK_THAT(refusal_with("/context", "8"), ContainsSubstring("r.json: 'context' must be an integer"));
    CHECK_THAT(refusal_with("/context", 8.0), ContainsSubstring("'context' must be an integer"));
    CHECK_THAT(refusal_with("/eos", 1), ContainsSubstring("'eos' must be true or false"));
    CHECK_THAT(refusal_with("/seed", -1), ContainsSubstring("'seed' must be a non-negative integer"));
    CHECK_THAT(refusal_with("/batch", nullptr), ContainsSubstring("'batch' must be an integer"));
    CHECK_THAT(refusal_with("/validation", 0.1), ContainsSubstring("'validation': must be an object"));
    CHECK_THAT(refusal_with("/note", 7), ContainsSubstring("'note' must be a string"));
    CHECK_THAT(refusal_with("/validation", {{"note", 1}}),
               ContainsSubstring("'validation': 'note' must be a string"));
    CHECK_THAT(refusal_with("/sources", 7), ContainsSubstring("'sources' must be an array"));
    CHECK_THAT(refusal_with("/sources/1", "b"), ContainsSubstring("sources[1]: must be an object"));
    CHECK_THAT(refusal_with("/sources/0/files", "a"), ContainsSubstring("sources[0]: 'files' must be an array"));
    CHECK_THAT(refusal_with("/sources/0/weight", "1"), ContainsSubstring("'weight' must be a number"));
    CHECK_THAT(refusal_with("/order", "random"), ContainsSubstring("must be one of 'dealt', 'shuffled', 'given'"));
    CHECK_THAT(refusal_with("/sources/0/format", "csv"), ContainsSubstring("sources[0]: 'format' must be one of"));
    CHECK_THAT(refusal_with("/on_bad", "stop"), ContainsSubstring("'on_bad' must be one of 'fail', 'skip'"));
    CHECK_THAT(refusal(Json::array()), ContainsSubstring("r.json: must be an object"));
}

TEST_CASE("values outside their domain are refused", "[recipe]") {
    const std::vector<std::pair<const char*, Json>> values{
        {"/name", ""},
        {"/context", 0},
        {"/context", Index{1} << 40},
        {"/chunks", 0},
        {"/stride", 7},
        {"/stride", 10},
        {"/vocabulary", -1},
        {"/max_document_bytes", 0},
        {"/batch", -1},
        {"/steps", 5},
        {"/windows_per_chunk", -1},
        {"/validation", {{"share", 1.0}}},
        {"/validation", {{"share", -0.1}}},
        {"/validation", {{"windows", -1}}},
        {"/validation", {{"windows", 1}, {"share", 0.1}}},
        {"/sources", Json::array()},
        {"/sources/1/name", "a"},
        {"/sources/1/name", ""},
        {"/sources/0/files", Json::array()},
        {"/sources/0/files", {""}},
        {"/sources/0/field", ""},
        {"/sources/0/epochs", 0},
        {"/sources/0/epochs", -1.5},
        {"/sources/0/epochs", 1e9},
        {"/sources/0/tokens", -1},
        {"/sources/0/weight", 0.5},
        {"/sources/0/filter", {{"min_characters", 3}, {"max_characters", 2}}},
        {"/sources/0/filter", {{"min_alphanumeric", 1.5}}},
        {"/sources/0/filter", {{"extensions", {"py"}}}},
        {"/sources/0/filter", {{"max_mean_line_characters", -1}}},
        {"/sources/0/fim", {{"rate", 2}, {"prefix", 1}, {"middle", 2}, {"suffix", 3}, {"pad", 4}}},
        {"/sources/0/fim", {{"rate", 1}, {"prefix", 1}, {"middle", 1}, {"suffix", 3}, {"pad", 4}}},
        {"/sources/0/fim", {{"rate", 1}, {"prefix", -1}, {"middle", 2}, {"suffix", 3}, {"pad", 4}}},
    };
    for (const auto& [key, value] : values) {
        INFO(key << " " << value);
        CHECK_THAT(refusal_with(key, value), ContainsSubstring("r.json"));
    }
    CHECK(refusal_with("/stride", 8).empty());
    CHECK_THAT(refusal_with("/sources/1/name", "a"),
               ContainsSubstring("sources[1] 'a': two sources have this name"));

    Json weights = small();
    weights["sources"][0]["weight"] = 0.5;
    weights["sources"][1]["weight"] = 0.25;
    CHECK(refusal(weights).empty());
    for (const Json& bad : {Json(0), Json(0.0), Json(-0.0), Json(-1)}) {
        weights["sources"][1]["weight"] = bad;
        CHECK_THAT(refusal(weights), ContainsSubstring("r.json: sources[1]"));
    }
    weights["sources"][1]["weight"] = 0.25;
    weights["sources"][1]["epochs"] = 1;
    CHECK_THAT(refusal(weights), ContainsSubstring("'weight' and 'epochs' exclude each other"));

    Recipe recipe = parse_recipe(small(), "r.json");
    recipe.sources[0].weight = std::nan("");
    CHECK_THROWS_AS(check_recipe(recipe, "r.json"), Error);
    recipe.sources[0].weight = 0;
    recipe.sources[0].format = SourceFormat::token_ids;
    recipe.sources[0].filter.min_characters = 1;
    CHECK_THROWS_WITH(check_recipe(recipe, "r.json"), ContainsSubstring("'token_ids' has windows"));
}

TEST_CASE("a mark beyond the vocabulary is refused", "[recipe]") {
    Json recipe = small();
    recipe["vocabulary"] = 5;
    recipe["sources"][1]["fim"] = {{"rate", 1}, {"prefix", 1}, {"middle", 2}, {"suffix", 3}, {"pad", 4}};
    CHECK(refusal(recipe).empty());
    recipe["sources"][1]["fim"]["pad"] = 5;
    CHECK_THAT(refusal(recipe), ContainsSubstring("sources[1] 'b': 'fim': the ids of marks"));
}

TEST_CASE("a recipe's file that is not JSON is refused with line and column", "[recipe]") {
    const TemporaryFolder folder;
    write(folder / "r.json", "{\"name\": \"a\",\n // a comment\n}");
    CHECK_THROWS_WITH(read_recipe(folder / "r.json"), ContainsSubstring("r.json: line 2 column 2"));
    write(folder / "r.json", small().dump());
    CHECK(read_recipe(folder / "r.json") == parse_recipe(small(), ""));
    CHECK_THROWS_AS(read_recipe(folder / "none.json"), Error);
}

TEST_CASE("the recipes of this repository are valid and survive being written", "[recipe]") {
    for (const std::string& name : committed) {
        const Recipe recipe = committed_recipe(name);
        CHECK(recipe.name == name);
        CHECK(parse_recipe(parse_json(recipe_json(recipe).dump(2), name), name) == recipe);
    }
    for (const RecipeSource& source : committed_recipe("corpus").sources) {
        REQUIRE(source.files.size() == 1);
        const std::filesystem::path folder = std::string(LAPIDARY_TEST_DATA) + "/../examples/recipes";
        CHECK(std::filesystem::is_regular_file(folder / source.files[0]));
    }
}

TEST_CASE("AMBER's recipe comes to its published figures", "[recipe]") {
    const Recipe recipe = committed_recipe("amber");
    const MixPlan plan = plan_mix(recipe);
    CHECK(plan.chunks == 360);
    CHECK(plan.windows_per_chunk() == 1'706'976);
    CHECK(plan.total_samples() == 614'511'360);
    CHECK(plan.steps_per_chunk(recipe.batch) == 762);
    CHECK(plan.steps(recipe.batch) == 274'320);
    CHECK(plan.windows_per_chunk() - 762 * recipe.batch == 96);
    CHECK(plan.total_tokens() == Index{1'706'976} * 360 * 2049);
    CHECK(billions(plan.total_tokens(), 2) == 1259.13);
    CHECK(billions(plan.trained_tokens(recipe.batch), 2) == 1258.45);

    const std::vector<std::pair<std::string, double>> table{
        {"arxiv", 30.00},      {"book", 28.86},          {"c4", 197.67},      {"refinedweb", 665.01},
        {"starcoder", 291.92}, {"stackexchange", 21.75}, {"wikipedia", 23.90}};
    REQUIRE(plan.sources.size() == table.size());
    for (std::size_t s = 0; s < table.size(); ++s) {
        CHECK(plan.sources[s] == table[s].first);
        CHECK(static_cast<double>(plan.tokens(s)) / 1e9 == Approx(table[s].second).margin(0.02).epsilon(0));
        CHECK(plan.samples[s] % 360 == 0);
    }
    // Windows of every source in a chunk, in thousands.
    const std::vector<double> thousands{40.7, 39.1, 268.0, 901.5, 395.7, 29.5, 32.4};
    for (std::size_t s = 0; s < thousands.size(); ++s) {
        CHECK(static_cast<double>(plan.samples[s]) / 360e3 == Approx(thousands[s]).margin(0.1).epsilon(0));
    }
    CHECK(recipe.validation.windows == 102'400);
}

TEST_CASE("CrystalCoder's recipes come to its published figures", "[recipe]") {
    struct Phase {
        std::string name;
        Index steps;
        double tokens;
        std::vector<std::pair<std::string, double>> table;  // billions
    };
    const std::vector<Phase> phases{
        {"crystalcoder-phase1",
         79'721,
         344.8,
         {{"arxiv", 14.9},
          {"book", 14.2},
          {"c4", 91.9},
          {"commoncrawl", 183.9},
          {"github", 17.1},
          {"stackexchange", 10.9},
          {"wikipedia", 11.8}}},
        {"crystalcoder-phase2", 214'387, 927.3, {{"starcoder", 582.5}}},
        {"crystalcoder-phase3",
         27'728,
         119.9,
         {{"starcoder", 4.0}, {"python", 41.1}, {"html", 22.2}, {"javascript", 22.0}, {"css", 10.5}}},
    };
    for (const Phase& phase : phases) {
        INFO(phase.name);
        const Recipe recipe = committed_recipe(phase.name);
        const MixPlan plan = plan_mix(recipe);
        CHECK(recipe.batch == 2112);
        CHECK(plan.total_samples() == phase.steps * 2112);
        CHECK(plan.windows_per_chunk() % 2112 == 0);
        CHECK(plan.steps(2112) == phase.steps);
        CHECK(plan.total_tokens() == phase.steps * 2112 * 2048);
        CHECK(plan.trained_tokens(2112) == plan.total_tokens());
        CHECK(billions(plan.total_tokens(), 1) == phase.tokens);
        for (const auto& [name, tokens] : phase.table) {
            INFO(name);
            const auto found = std::find(plan.sources.begin(), plan.sources.end(), name);
            REQUIRE(found != plan.sources.end());
            CHECK(billions(plan.tokens(static_cast<std::size_t>(found - plan.sources.begin())), 1) == tokens);
        }
    }
    const Recipe second = committed_recipe("crystalcoder-phase2");
    CHECK(second.sources.at(6).weight == 0.01271);
    REQUIRE(second.sources.at(7).fim);
    CHECK(second.sources[7].fim->rate == 0.9);
    CHECK(second.sources[7].fim->spm_rate == 0.5);
    CHECK(second.sources[7].fim->pad == 32003);
    const MixPlan third = plan_mix(committed_recipe("crystalcoder-phase3"));
    CHECK(third.sources.size() == 11);
    Index slim = 0;  // six of SlimPajama's sources
    for (std::size_t s = 0; s < 6; ++s) slim += third.tokens(s);
    CHECK(billions(slim, 1) == 20.0);
    Index code = 0;
    for (std::size_t s = 7; s < 11; ++s) code += third.tokens(s);
    CHECK(billions(code, 1) == 95.9);
}
