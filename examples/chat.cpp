// chat: a conversation with a model, its answers token by token as they are drawn.

#include "device_choice.hpp"
#include "fitting_tokenizer.hpp"
#include "recorded_template.hpp"
#include "stop_signals.hpp"

#include <lapidary/checkpoint/adapter_files.hpp>
#include <lapidary/checkpoint/model_weights.hpp>
#include <lapidary/io/json.hpp>
#include <lapidary/lapidary.hpp>
#include <lapidary/text/chat_templates.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using namespace lapidary;
namespace fs = std::filesystem;

namespace {

struct Options {
    fs::path model, adapter;
    std::string form;
    std::vector<std::string> prompts;
    Index max_tokens = 0;
    DialogueOptions dialogue;
    DeviceChoice where;

    void add_to(CLI::App& app) {
        app.add_option("--model", model, "Hugging Face directory with a tokenizer.model or a tokenizer.json")
            ->required();
        app.add_option("--adapter", adapter,
                       "Directory of adapters for it (LoRA, as `finetune` and peft write them)");
        app.add_option("--template", form,
                       "How turns become a text: " + chat_template_names() +
                           " [what the checkpoint was trained with, else vicuna]");
        app.add_option("--prompt", prompts, "Say this, and end; may be given several times, for turn after turn");
        app.add_option("--system", dialogue.system, "System text [that of the template]");
        app.add_option("--max-tokens", max_tokens,
                       "Of an answer; the rest of the context is for what was said [a quarter of it, up to 512]")
            ->check(number_in(1));
        SampleOptions& sampling = dialogue.sampling;
        app.add_option("--temperature", sampling.temperature, "0: always the likeliest")
            ->capture_default_str()
            ->check(number_in(0));
        app.add_option("--top-k", sampling.top_k, "Only this many likeliest tokens; 0: all")
            ->capture_default_str()
            ->check(number_in(0));
        app.add_option("--top-p", sampling.top_p, "Only the likeliest that reach this probability")
            ->capture_default_str()
            ->check(number_in(0, 1, true));
        app.add_option("--seed", sampling.seed, "Seed of the draw")->capture_default_str();
        where.add_to(app);
    }
};

void print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
    throw Error(ErrorCode::io, "chat", "the answer cannot be written");
}

ChatTemplate choose_template(const Options& options) {
    if (!options.form.empty()) return find_chat_template(options.form);
    const fs::path& tuned = options.adapter.empty() ? options.model : options.adapter;
    if (const auto recorded = recorded_template(tuned)) return find_chat_template(*recorded);
    std::fprintf(stderr, "chat: the checkpoint records no template; taking vicuna (--template names another)\n");
    return vicuna_template();
}

// What the user says: the texts of the command line, or without any the lines of stdin.
class Turns {
public:
    explicit Turns(const std::vector<std::string>& prompts)
        : prompts_(prompts), typed_(prompts.empty() && ::isatty(STDIN_FILENO) == 1) {
        if (typed_) std::fputs("/reset begins anew, /quit ends, Ctrl-C stops an answer\n", stderr);
    }

    /// Whether somebody sits there, who can say something else.
    [[nodiscard]] bool typed() const { return typed_; }
    /// Calls `say(text)` or `reset()` for one after the other.
    template <class Say, class Reset>
    void each(Say&& say, Reset&& reset) const {
        for (const std::string& prompt : prompts_) say(prompt);
        if (!prompts_.empty()) return;
        for (std::string line; ask(line) && line != "/quit";) {
            while (line.ends_with('\r') || line.ends_with(' ')) line.pop_back();
            if (line == "/reset") {
                reset();
            } else if (!line.empty()) {
                say(line);
            }
        }
    }

private:
    bool ask(std::string& line) const {
        if (typed_) std::fputs("> ", stderr);
        if (std::getline(std::cin, line)) return true;
        if (typed_) std::fputs("\n", stderr);
        return false;
    }

    const std::vector<std::string>& prompts_;
    bool typed_;
};

// Adapters are merged in single precision, then rounded to what the device computes with.
template <Device D, class Model>
Tensor<Scalar<D>, 1, D> weights_of(D& device, const Options& options, const Model& model) {
    if (options.adapter.empty()) return model_weights(device, model, options.model);
    Cpu single({.threads = options.where.threads});
    const auto merged = merged_weights<Model>(single, model.config(), options.model, options.adapter);
    Tensor<Scalar<D>, 1, D> weights(device, {model.layout().size()});
    upload_weights(device, merged.view().data, weights.view());
    return weights;
}

template <Device D, class Model>
void talk(D& device, const Options& options, const Model& model) {
    DialogueOptions settings = options.dialogue;
    settings.max_tokens = options.max_tokens > 0 ? options.max_tokens
                                                 : std::max<Index>(1, std::min<Index>(512, model.context() / 4));
    const AnyTokenizer tokenizer = open_fitting_tokenizer("chat", options.model, model.vocabulary());
    Dialogue dialogue(ChatEncoder(choose_template(options), tokenizer), model.context(), settings);
    const auto weights = weights_of(device, options, model);

    const Turns turns(options.prompts);
    const auto say = [&](const std::string& text) {
        try {
            const StopSignals::Scope interruption;
            const Answer answer = dialogue.ask(device, model, weights, text, print, StopSignals::requested);
            print("\n");
            if (answer.left_out > 0) {
                std::fprintf(stderr, "chat: no room for the oldest %ld turns any more\n", answer.left_out);
            }
        } catch (const Error& error) {
            if (!turns.typed() || error.code() != ErrorCode::value) throw;
            std::fprintf(stderr, "chat: %s\n", error.what());
        }
    };
    turns.each(say, [&] { dialogue.reset(); });
}

void run(const Options& options) {
    visit_config(options.model, [&](const auto& found) {
        const typename std::decay_t<decltype(found)>::Model model(found);
        options.where.visit([&](auto& device) { talk(device, options, model); });
    });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "A conversation with a model. Without --prompt every line of stdin is a turn; /reset begins anew, /quit "
        "ends, Ctrl-C stops an answer."};
    Options options;
    options.add_to(app);
    try {
        app.parse(argc, argv);
        run(options);
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "chat: " << error.what() << "\n";
        return 1;
    }
}
