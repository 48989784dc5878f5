// finetune: conversations -> a model that answers. Started again, it goes on from its last checkpoint.

#include "tuning_run.hpp"
#include "tuning_tasks.hpp"

#include <lapidary/data/preference.hpp>

using namespace lapidary;

namespace {

struct Options : TuningOptions {
    bool preferences = false, as_published = false, packed = false;
};

/// The conversations, with what is left out counted: of files of preferences, of each prompt the answer chosen
/// last.
TuningRecords<Conversation> read(const Options& options) {
    Progress bar("read", 0);
    if (!options.preferences) {
        const ConversationRules rules{.check = !options.as_published};
        return read_conversations(options.data, rules, tuning_reading(options, bar));
    }
    auto preferences = read_preferences(options.data, options.preference_rules(), tuning_reading(options, bar));
    TuningRecords<Conversation> answers{.inputs = std::move(preferences.inputs),
                                        .repeated = std::move(preferences.repeated)};
    for (const std::size_t i : last_of_each_prompt(preferences.items)) {
        answers.items.push_back(preferences.items[i].answered());
        answers.places.push_back(std::move(preferences.places[i]));
    }
    return answers;
}

TuningExampleCounts encode(const Options& options, const ChatEncoder& encoder, const TuningRecipe& recipe,
                           const TuningRecords<Conversation>& records, ChatWindows& windows) {
    Progress bar("encode", 0);
    const auto made =
        encode_conversations(encoder, records.items, records.places, tuning_rule(recipe, options, bar),
                             [&](Index, ChatTokens&& tokens) { windows.add(tokens); });
    windows.finish();
    return made;
}

int tune(Options& options) {
    std::optional<AnyCommunicator> joined = options.launch.join();
    TuningRecipe recipe =
        options.changed(find_tuning_recipe(options.recipe == "ambersafe" ? "ambersafe-sft" : options.recipe));
    if (options.packed) {
        if (recipe.mean == LossMean::sequences) {
            throw Error(
                ErrorCode::value, "finetune",
                "--packed puts several answers into a window, and the recipe's loss is a mean over windows");
        }
        recipe.packing = Packing::whole;
    }
    const TuningModel model = read_model(options.model);
    options.check_context(model.context);
    recipe.fit(model.context);
    const AnyTokenizer tokenizer = open_fitting_tokenizer("finetune", options.model, model.vocabulary);
    const ChatEncoder encoder = tuning_encoder(recipe, tokenizer);

    const TuningRecords<Conversation> records = read(options);
    ChatWindows windows({.context = recipe.context,
                         .pad = padding_id(tokenizer),
                         .packing = recipe.packing,
                         .apart = options.packed});
    const TuningExampleCounts made = encode(options, encoder, recipe, records, windows);
    Json left_out = records.faults().json();
    left_out.update({{"turns in no window", made.dropped},
                     {"misordered", made.misordered},
                     {"ambiguous", made.ambiguous},
                     {"files that are there twice", records.repeated.size()},
                     {"tokens cut off", made.cut},
                     {"windows without an answer", windows.silent_windows()},
                     {"tokens beyond a window", windows.lost_tokens()}});
    const bool first = !joined || joined->rank() == 0;
    if (first) print_left_out(left_out);
    const EpochOrder order = tuning_order("finetune", "windows", options, recipe, windows.size());
    Json counts = made.json();
    counts["packing"] = static_cast<int>(recipe.packing);
    counts["apart"] = options.packed;
    counts["as-published"] = options.as_published;
    if (options.preferences) counts["prefer"] = options.prefer;
    const TuningRun run = tuning_run("finetune", "windows", options, model, recipe, records.inputs, counts, order);
    if (first)
        std::printf(
            "%ld conversations: %ld windows of at most %ld tokens, template %s; %ld tokens, of which %ld are "
            "learned\n",
            made.items, windows.size(), recipe.context, recipe.form.c_str(), made.tokens, made.counted);

    return tune_on_ranks(options, joined, model, recipe, run,
                         [&](auto& device, auto& world, const auto& tuned, const auto&, auto) {
                             const RepliesTask task{windows, order, recipe.mean, run.micro_batch};
                             return Tuning(device, options, world, tuned, task, run)();
                         });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Fine-tunes a model on conversations (ShareGPT, Evol-Instruct, Alpaca, messages): it learns to write the "
        "assistant's turns. Exit code 75: stopped by a signal after saving; start again to go on."};
    Options options;
    options.recipe = "amberchat";
    options.add_to(app, "Windows", {"amberchat", "ambersafe", "crystalchat"});
    CLI::Option* preferences = app.add_flag(
        "--preferences", options.preferences,
        "The data are preferences: learn of every prompt the answer chosen last (AMBERSAFE's first stage)");
    options.add_prefer(app)->needs(preferences);
    app.add_flag("--as-published", options.as_published,
                 "Take turns as the files have them, and look at their order after cutting, as AMBERCHAT was made")
        ->excludes(preferences);
    app.add_flag("--packed", options.packed, "Several conversations a window, none of which sees another");
    return tuning_main(argc, argv, app, options, "finetune", [&] { return tune(options); });
}
