#pragma once

#include <lapidary/io/json.hpp>
#include <lapidary/text/added_tokens.hpp>
#include <lapidary/text/tokenizer_file.hpp>

#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

namespace detail {

inline AddedToken read_added_token(const FilePart& part, TokenId id) {
    return {.id = id,
            .content = part.get<std::string>("content"),
            .special = part.get_or<bool>("special", false),
            .single_word = part.get_or<bool>("single_word", false),
            .lstrip = part.get_or<bool>("lstrip", false),
            .rstrip = part.get_or<bool>("rstrip", false),
            .normalized = part.get_or<bool>("normalized", true)};
}

/// The content of a token that a configuration writes as a string or as an object; empty if there is none.
inline std::string read_token_name(const FilePart& part, const std::string& key) {
    if (!part.has(key)) return {};
    if (part.value.at(key).is_object()) return part[key].get<std::string>("content");
    return part.get<std::string>(key);
}

inline TokenId read_token_id(const FilePart& part, std::string_view text) {
    TokenId id = -1;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (failure != std::errc{} || end != text.data() + text.size() || id < 0) {
        part.refuse(quote(text) + " is no token id");
    }
    return id;
}

}  // namespace detail

/// The tokens that a Hugging Face directory adds to its model's vocabulary: the `added_tokens_decoder` of
/// `tokenizer_config.json`, else the `added_tokens` of `tokenizer.json`, else `added_tokens.json`; none if it has
/// none of them. Throws Error(io), and Error(format) naming file and key.
inline std::vector<AddedToken> read_added_tokens(const std::filesystem::path& directory) {
    std::vector<AddedToken> tokens;
    const auto config_file = directory / "tokenizer_config.json";
    Json config = Json::object();
    if (std::filesystem::exists(config_file)) config = read_json(config_file);
    const detail::FilePart settings{config, config_file.string(), true};
    if (settings.has("added_tokens_decoder")) {
        const detail::FilePart decoder = settings["added_tokens_decoder"];
        if (!decoder.value.is_object()) decoder.refuse("must be an object");
        for (const auto& [id, token] : decoder.value.items()) {
            tokens.push_back(detail::read_added_token({token, decoder.where + "[" + quote(id) + "]"},
                                                      detail::read_token_id(decoder, id)));
        }
        return tokens;
    }
    if (const auto file = directory / "tokenizer.json"; std::filesystem::exists(file)) {
        const Json json = read_json(file);
        const detail::FilePart root{json, file.string(), true};
        if (root.has("added_tokens")) {
            root["added_tokens"].for_each([&](const detail::FilePart& part) {
                tokens.push_back(detail::read_added_token(part, part.get<TokenId>("id")));
            });
        }
        return tokens;
    }
    if (const auto file = directory / "added_tokens.json"; std::filesystem::exists(file)) {
        std::vector<std::string> special;
        if (settings.has("additional_special_tokens")) {
            settings["additional_special_tokens"].for_each([&](const detail::FilePart& part) {
                special.push_back(part.value.is_string() ? part.value.get<std::string>()
                                                         : part.get<std::string>("content"));
            });
        }
        const Json json = read_json(file);
        if (!json.is_object()) detail::FilePart{json, file.string()}.refuse("must be an object");
        for (const auto& [content, id] : json.items()) {
            const bool is_special = std::find(special.begin(), special.end(), content) != special.end();
            tokens.push_back(
                {.id = get<TokenId>(json, content, file.string()), .content = content, .special = is_special});
        }
    }
    return tokens;
}

}  // namespace lapidary
