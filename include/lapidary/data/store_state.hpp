#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/discards.hpp>
#include <lapidary/data/recipe.hpp>
#include <lapidary/data/text_blocks.hpp>
#include <lapidary/io/json.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

/// How far a `TokenStore` is, as `state.json` beside its files keeps it.
struct StoreState {
    struct Source {
        Index documents = 0;
        Index tokens = 0;
        DiscardCounts discards;
    };

    Json definition;
    InputPosition position;
    Index documents = 0;
    std::vector<Source> sources;
    std::vector<std::string> labels;

    static constexpr const char* file_name = "state.json";

    /// The state in a folder; the beginning if there is none. Throws Error(value) if it has another definition.
    static StoreState open(const std::filesystem::path& folder, const Recipe& recipe, const Json& definition) {
        StoreState state;
        state.definition = definition;
        state.sources.resize(recipe.sources.size());
        for (const RecipeSource& source : recipe.sources) state.labels.push_back(source.name);
        const std::filesystem::path file = folder / file_name;
        if (std::filesystem::exists(file)) state.load(read_json(file), file.string());
        return state;
    }

    void save(const std::filesystem::path& folder) const {
        Json json{{"definition", definition},
                  {"file", position.file},
                  {"lines", position.lines},
                  {"bytes", position.bytes},
                  {"stored_bytes", position.stored_bytes},
                  {"stored_hash", position.stored_hash},
                  {"documents", documents},
                  {"labels", labels},
                  {"sources", Json::array()}};
        for (const Source& source : sources) {
            json["sources"].push_back({{"documents", source.documents},
                                       {"tokens", source.tokens},
                                       {"discarded", source.discards.json()}});
        }
        write_json(folder / file_name, json);
    }

    /// The index of a name, which is added if it is new.
    Index label(const std::string& name) {
        const auto found = std::find(labels.begin(), labels.end(), name);
        const Index index = found - labels.begin();
        if (found == labels.end()) labels.push_back(name);
        if (index >= Index{1} << 16) {
            throw Error(ErrorCode::value, "input", "documents of more than 65536 sources or languages");
        }
        return index;
    }

private:
    void load(const Json& json, const std::string& where) {
        if (get<Json>(json, "definition", where) != definition) {
            throw Error(ErrorCode::value, "prepare",
                        where +
                            ": this directory was begun with another recipe, tokenizer or list of files; remove " +
                            std::filesystem::path(where).parent_path().string() + " to begin anew");
        }
        position = {get<Index>(json, "file", where), get<Index>(json, "lines", where),
                    get<Index>(json, "bytes", where), get<Index>(json, "stored_bytes", where),
                    get<std::string>(json, "stored_hash", where)};
        documents = get<Index>(json, "documents", where);
        labels = get<std::vector<std::string>>(json, "labels", where);
        const auto list = get<std::vector<Json>>(json, "sources", where);
        for (std::size_t s = 0; s < sources.size() && s < list.size(); ++s) {
            sources[s] = {get<Index>(list[s], "documents", where), get<Index>(list[s], "tokens", where),
                          DiscardCounts::from(get<Json>(list[s], "discarded", where), where)};
        }
    }
};

}  // namespace lapidary
