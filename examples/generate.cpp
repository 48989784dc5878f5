// generate: a prompt -> text, token by token as it is drawn.

#include <lapidary/cpu.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/text/sentencepiece.hpp>

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

// Prints text as far as it is settled: a character's bytes may come in several tokens.
class Stream {
public:
    explicit Stream(const SentencePiece& tokenizer, std::vector<std::int32_t> ids) : tokenizer_(tokenizer), ids_(std::move(ids)) {
        show(true);
    }
    void add(std::int32_t id) {
        ids_.push_back(id);
        show(false);
    }
    void finish() { show(true); }

private:
    void show(bool all) {
        const std::string text = tokenizer_.decode(ids_);
        if (!all && text.ends_with("\xEF\xBF\xBD")) return;
        if (text.size() > shown_) std::fputs(text.c_str() + shown_, stdout);
        std::fflush(stdout);
        shown_ = std::max(shown_, text.size());
    }

    const SentencePiece& tokenizer_;
    std::vector<std::int32_t> ids_;
    std::size_t shown_ = 0;
};

void run(Options options) {
    const SentencePiece tokenizer(options.model / "tokenizer.model");
    const Amber model{read_config<AmberConfig>(options.model)};
    if (tokenizer.vocabulary_size() > model.vocabulary()) {
        throw Error(ErrorCode::format, "generate",
                    (options.model / "tokenizer.model").string() + ": has " + std::to_string(tokenizer.vocabulary_size()) +
                        " pieces, the model " + std::to_string(model.vocabulary()));
    }
    Cpu device({.threads = options.threads});
    check_weights(model, options.model);  // before room is made for them
    Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
    read_weights(device, model, options.model, weights.view());

    std::vector<std::int32_t> prompt = tokenizer.encode(options.prompt);
    // Without a prompt, start as after the end of a document (or at a start token, where the model knows one).
    if (options.bos) prompt.insert(prompt.begin(), tokenizer.bos_id());
    if (prompt.empty()) prompt.push_back(tokenizer.eos_id());
    if (!options.ignore_eos) options.generation.stop_tokens = {tokenizer.eos_id()};

    Stream stream(tokenizer, prompt);
    const auto start = std::chrono::steady_clock::now();
    const auto tokens = generate(device, model, weights.view(), prompt, options.generation,
                                 [&](std::int32_t token) { stream.add(token); });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    stream.finish();
    std::fputs("\n", stdout);
    std::fprintf(stderr, "%zu tokens, %.0f tokens/s\n", tokens.size(), static_cast<double>(tokens.size()) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Continues a prompt."};
    Options options;
    app.add_option("--model", options.model, "Hugging Face directory with a tokenizer.model")->required();
    app.add_option("--prompt", options.prompt, "Text to continue");
    app.add_option("--max-tokens", options.generation.max_tokens, "Tokens to draw")->capture_default_str();
    app.add_option("--temperature", options.generation.sampling.temperature, "0: always the likeliest")->capture_default_str();
    app.add_option("--top-k", options.generation.sampling.top_k, "Only this many likeliest tokens; 0: all")->capture_default_str();
    app.add_option("--top-p", options.generation.sampling.top_p, "Only the likeliest that reach this probability")->capture_default_str();
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
