#pragma once

#include <lapidary/io/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace lapidary {

namespace detail {

/// Whether a post-processor of tokenizer.json puts a special token first.
inline bool puts_token_first(const Json& processor, const std::string& where) {
    if (!processor.is_object()) return false;
    const auto type = get_or(processor, "type", "", where);
    if (type == "Sequence") {
        const auto parts = get<std::vector<Json>>(processor, "processors", where);
        return std::any_of(parts.begin(), parts.end(),
                           [&](const Json& part) { return puts_token_first(part, where); });
    }
    if (type != "TemplateProcessing") return false;
    const auto single = get<std::vector<Json>>(processor, "single", where);
    return !single.empty() && single[0].is_object() && single[0].contains("SpecialToken");
}

}  // namespace detail

/// Whether texts for the model of a Hugging Face directory begin with its start token, as the LM Evaluation
/// Harness 0.4.13 with transformers 5.24 finds out when it is not told (`add_bos_token`): `add_bos_token` in
/// tokenizer_config.json; without, what the post-processor of tokenizer.json does; else not.
///
/// LLaMA's and AMBER's published directories say true, although AMBER was trained without. Throws Error(io),
/// Error(format) naming file and key.
inline bool adds_bos(const std::filesystem::path& directory) {
    const std::filesystem::path config = directory / "tokenizer_config.json",
                                tokenizer = directory / "tokenizer.json";
    if (std::filesystem::exists(config)) {
        const Json json = read_json(config);
        const auto found = json.is_object() ? json.find("add_bos_token") : json.end();
        if (found != json.end() && !found->is_null()) return get<bool>(json, "add_bos_token", config.string());
    }
    if (!std::filesystem::exists(tokenizer)) return false;
    return detail::puts_token_first(get_or(read_json(tokenizer), "post_processor", Json(), tokenizer.string()),
                                    tokenizer.string());
}

}  // namespace lapidary
