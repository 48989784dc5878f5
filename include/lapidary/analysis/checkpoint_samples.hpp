#pragma once

#include <lapidary/analysis/checkpoint_digest.hpp>
#include <lapidary/analysis/samples_section.hpp>
#include <lapidary/checkpoint/model_weights.hpp>
#include <lapidary/eval/bos_policy.hpp>
#include <lapidary/eval/checkpoint_list.hpp>
#include <lapidary/eval/generate.hpp>
#include <lapidary/models/families.hpp>
#include <lapidary/text/open_tokenizer.hpp>
#include <lapidary/text/text_stream.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace lapidary {

/// What every checkpoint is asked to continue, and how.
struct SamplePlan {
    std::vector<std::string> prompts;
    Index max_tokens = 60;
    SampleOptions sampling{.temperature = 0.7, .top_p = 0.9, .seed = 1};

    [[nodiscard]] Json json() const {
        return {{"max_tokens", max_tokens},
                {"temperature", sampling.temperature},
                {"top_k", sampling.top_k},
                {"top_p", sampling.top_p},
                {"seed", sampling.seed}};
    }
};

namespace detail {

/// The ids of a prompt; without one, a text starts as after the end of a document.
inline std::vector<TokenId> sample_prompt(const AnyTokenizer& tokenizer, const std::string& prompt, bool bos) {
    const auto special = [](TokenId id, const char* name) {
        if (id >= 0) return id;
        throw Error(ErrorCode::value, "samples", std::string("the tokenizer has no ") + name);
    };
    std::vector<TokenId> ids = tokenizer.encode(prompt);
    if (bos) ids.insert(ids.begin(), special(tokenizer.bos_id(), "start token, which its files ask for"));
    if (ids.empty()) ids.push_back(special(tokenizer.eos_id(), "end token to start at; give a prompt"));
    return ids;
}

}  // namespace detail

/// How the model in a directory continues the prompts: a text each, without the prompt. A function of weights,
/// tokenizer and plan alone. Throws what opening a model throws, Error(value) for a prompt beyond the context.
template <Device D>
std::vector<std::string> sample_checkpoint(D& device, const std::filesystem::path& directory,
                                           const SamplePlan& plan) {
    const AnyTokenizer tokenizer = open_tokenizer(directory);
    std::vector<std::vector<TokenId>> prompts;
    std::vector<TextStream<AnyTokenizer>> streams;
    for (const std::string& prompt : plan.prompts) {
        prompts.push_back(detail::sample_prompt(tokenizer, prompt, adds_bos(directory)));
        streams.emplace_back(tokenizer);
        for (const TokenId id : prompts.back()) static_cast<void>(streams.back().add(id));
    }
    GenerateOptions options{.max_tokens = plan.max_tokens, .sampling = plan.sampling};
    if (tokenizer.eos_id() >= 0) options.stop_tokens = {tokenizer.eos_id()};

    std::vector<std::string> texts(prompts.size());
    visit_config(directory, [&](const auto& config) {
        const typename std::decay_t<decltype(config)>::Model model(config);
        const auto weights = model_weights(device, model, directory);
        options.vocabulary = std::min(tokenizer.vocabulary_size(), model.vocabulary());
        generate_batch(device, model, weights.view(), prompts, options, [&](Index text, std::int32_t token) {
            const auto i = static_cast<std::size_t>(text);
            texts[i] += streams[i].add(token);
        });
    });
    for (std::size_t i = 0; i < texts.size(); ++i) texts[i] += streams[i].finish();
    return texts;
}

/// Writes `analysis/samples.json`: every checkpoint's continuations of the prompts. What an earlier call wrote of
/// a checkpoint with the same digest under the same plan is kept, so that a growing run costs its new checkpoints
/// only. Checkpoints that are missing, half or damaged are listed under `skipped`. `progress(done, all)` is called
/// before each. Throws Error(io), Error(value) for prompts that are not UTF-8 or too long.
template <Device D>
Json update_samples(D& device, const std::filesystem::path& run, const SamplePlan& plan,
                    const std::function<void(Index, Index)>& progress = {}) {
    const std::filesystem::path file = run / "analysis" / "samples.json";
    const auto before = detail::read_if_there(file, samples_format);
    const bool same = before && detail::member(*before, "prompts") == Json(plan.prompts) &&
                      detail::member(*before, "sampling") == plan.json();
    Json result{{"format", samples_format},
                {"prompts", plan.prompts},
                {"sampling", plan.json()},
                {"checkpoints", Json::array()},
                {"skipped", Json::array()}};
    const auto all = list_checkpoints(run / "checkpoints");
    Index done = 0;
    for (const ListedCheckpoint& one : all) {
        if (progress) progress(done++, static_cast<Index>(all.size()));
        const std::string name = one.directory.filename().string();
        const auto skip = [&](const std::string& reason) {
            result["skipped"].push_back({{"directory", name}, {"reason", reason}});
        };
        if (!one.problem.empty()) {
            skip(one.problem);
            continue;
        }
        try {
            Json entry{{"name", name}, {"step", one.order}, {"sha256", checkpoint_digest(one.directory)}};
            for (const Json& known : same ? detail::member(*before, "checkpoints") : Json::array()) {
                if (known.value("name", "") == name && known.value("sha256", "") == entry["sha256"]) entry = known;
            }
            if (!entry.contains("texts")) entry["texts"] = sample_checkpoint(device, one.directory, plan);
            result["checkpoints"].push_back(std::move(entry));
        } catch (const Error& error) {  // a damaged one is not the end of the others
            if (!spoils_one_checkpoint(error.code())) throw;
            skip(error.what());
        }
    }
    std::filesystem::create_directories(file.parent_path());
    write_json(file, result);
    return result;
}

}  // namespace lapidary
