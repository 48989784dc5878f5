// generate: a prompt -> text, token by token as it is drawn.

#include <lapidary/cpu.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/text/open_tokenizer.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Options {
    fs::path model;
    std::string prompt;
    GenerateOptions generation{.max_tokens = 200, .sampling = {.temperature = 0.8, .top_p = 0.95}};
    int threads = 0;
    bool bos = false, ignore_eos = false;
};

void run(Options options) {
    const AnyTokenizer tokenizer = open_tokenizer(options.model);
    const Amber model{read_config<Amber::Options>(options.model)};
    if (tokenizer.vocabulary_size() > model.vocabulary()) {
        throw Error(ErrorCode::format, "generate",
                    options.model.string() + ": the tokenizer has " + std::to_string(tokenizer.vocabulary_size()) +
                        " tokens, the model " + std::to_string(model.vocabulary()));
    }
    Cpu device({.threads = options.threads});
    check_weights(model, options.model);  // before room is made for them
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
    read_weights(device, model, options.model, weights.view());

    std::vector<std::int32_t> prompt = tokenizer.encode(options.prompt);
    // Without a prompt, start as after the end of a document (or at a start token, where the model knows one).
    const auto special = [&](TokenId id, const char* name) {
        if (id >= 0) return id;
        throw Error(ErrorCode::value, "generate", options.model.string() + ": the tokenizer has no " + name);
    };
    if (options.bos) prompt.insert(prompt.begin(), special(tokenizer.bos_id(), "start token for --bos"));
    if (prompt.empty()) prompt.push_back(special(tokenizer.eos_id(), "end token to start at; give a --prompt"));
    if (!options.ignore_eos) options.generation.stop_token = tokenizer.eos_id();

    TextStream stream(tokenizer);
    const auto print = [](const std::string& text) {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    };
    for (std::int32_t token : prompt) print(stream.add(token));
    const auto start = std::chrono::steady_clock::now();
    const auto tokens = generate(device, model, weights.view(), prompt, options.generation,
                                 [&](std::int32_t token) { print(stream.add(token)); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    print(stream.finish() + "\n");
    std::fprintf(stderr, "%zu tokens, %.0f tokens/s\n", tokens.size(),
                 static_cast<double>(tokens.size()) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Continues a prompt."};
    Options options;
    app.add_option("--model", options.model, "Hugging Face directory with a tokenizer.model or a tokenizer.json")
        ->required();
    app.add_option("--prompt", options.prompt, "Text to continue");
    app.add_option("--max-tokens", options.generation.max_tokens, "Tokens to draw")->capture_default_str();
    app.add_option("--temperature", options.generation.sampling.temperature, "0: always the likeliest")
        ->capture_default_str();
    app.add_option("--top-k", options.generation.sampling.top_k, "Only this many likeliest tokens; 0: all")
        ->capture_default_str();
    app.add_option("--top-p", options.generation.sampling.top_p, "Only the likeliest that reach this probability")
        ->capture_default_str();
    app.add_option("--seed", options.generation.sampling.seed, "Seed of the draw")->capture_default_str();
    app.add_option("--threads", options.threads, "Threads [all cores]");
    app.add_flag("--bos", options.bos, "Put the start token first, as LLaMA expects and AMBER does not");
    app.add_flag("--ignore-eos", options.ignore_eos, "Go on after the end of a document");
    try {
        app.parse(argc, argv);
        run(options);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "generate: " << error.what() << "\n";
        return 1;
    }
}
