// generate: a prompt -> text, token by token as it is drawn.

#include "device_choice.hpp"
#include "fitting_tokenizer.hpp"

#include <lapidary/checkpoint/model_weights.hpp>
#include <lapidary/lapidary.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Options {
    fs::path model;
    std::vector<std::string> prompts;
    GenerateOptions generation{.max_tokens = 200, .sampling = {.temperature = 0.8, .top_p = 0.95}};
    DeviceChoice where;
    bool bos = false, ignore_eos = false;
};

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

std::vector<std::int32_t> prompt_ids(const AnyTokenizer& tokenizer, const Options& options,
                                     const std::string& text) {
    const auto special = [&](TokenId id, const char* name) {
        if (id >= 0) return id;
        throw Error(ErrorCode::value, "generate", options.model.string() + ": the tokenizer has no " + name);
    };
    std::vector<std::int32_t> prompt = tokenizer.encode(text);
    if (options.bos) prompt.insert(prompt.begin(), special(tokenizer.bos_id(), "start token for --bos"));
    // Without a prompt, start as after the end of a document (or at a start token, where the model knows one).
    if (prompt.empty()) prompt.push_back(special(tokenizer.eos_id(), "end token to start at; give a --prompt"));
    return prompt;
}

template <Device D, class Model>
void write(D& device, const Options& options, const Model& model) {
    const AnyTokenizer tokenizer = open_fitting_tokenizer("generate", options.model, model.vocabulary());
    auto weights = model_weights(device, model, options.model);

    GenerateOptions generation = options.generation;
    generation.vocabulary = tokenizer.vocabulary_size();
    if (!options.ignore_eos && tokenizer.eos_id() >= 0) generation.stop_tokens = {tokenizer.eos_id()};
    std::vector<std::vector<std::int32_t>> prompts;
    std::vector<TextStream<AnyTokenizer>> streams;
    std::vector<std::string> texts;
    for (const std::string& text : options.prompts) {
        prompts.push_back(prompt_ids(tokenizer, options, text));
        texts.emplace_back();
        streams.emplace_back(tokenizer);
        for (const std::int32_t token : prompts.back()) texts.back() += streams.back().add(token);
    }
    // One text appears as it is written, several one after the other when all are done.
    const bool one = prompts.size() == 1;
    if (one) print(texts[0]);
    const auto start = std::chrono::steady_clock::now();
    Index count = 0;
    generate_batch(device, model, weights.view(), prompts, generation, [&](Index text, std::int32_t token) {
        const std::string settled = streams[static_cast<std::size_t>(text)].add(token);
        ++count;
        one ? print(settled) : void(texts[static_cast<std::size_t>(text)] += settled);
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (std::size_t i = 0; i < texts.size(); ++i) print((one ? "" : texts[i]) + streams[i].finish() + "\n");
    std::fprintf(stderr, "%ld tokens, %.0f tokens/s\n", count, static_cast<double>(count) / seconds);
}

void run(const Options& options) {
    visit_config(options.model, [&](const auto& found) {
        const typename std::decay_t<decltype(found)>::Model model(found);
        options.where.visit([&](auto& device) { write(device, options, model); });
    });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Continues a prompt."};
    Options options;
    app.add_option("--model", options.model, "Hugging Face directory with a tokenizer.model or a tokenizer.json")
        ->required();
    app.add_option("--prompt", options.prompts, "Text to continue; may be given several times");
    app.add_option("--max-tokens", options.generation.max_tokens, "Tokens to draw")->capture_default_str();
    app.add_option("--temperature", options.generation.sampling.temperature, "0: always the likeliest")
        ->capture_default_str();
    app.add_option("--top-k", options.generation.sampling.top_k, "Only this many likeliest tokens; 0: all")
        ->capture_default_str();
    app.add_option("--top-p", options.generation.sampling.top_p, "Only the likeliest that reach this probability")
        ->capture_default_str();
    app.add_option("--seed", options.generation.sampling.seed, "Seed of the draw")->capture_default_str();
    options.where.add_to(app);
    app.add_flag("--bos", options.bos, "Put the start token first, as LLaMA expects and AMBER does not");
    app.add_flag("--ignore-eos", options.ignore_eos, "Go on after the end of a document");
    try {
        app.parse(argc, argv);
        if (options.prompts.empty()) options.prompts.emplace_back();
        run(options);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "generate: " << error.what() << "\n";
        return 1;
    }
}
