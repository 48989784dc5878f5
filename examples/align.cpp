// align: preferences -> a model that prefers them too (DPO, IPO), held to the one that it started from. Started
// again, it goes on from its last checkpoint.

#include "recorded_template.hpp"
#include "tuning_run.hpp"
#include "tuning_tasks.hpp"

#include <algorithm>

using namespace lapidary;

namespace {

struct Options : TuningOptions {
    std::string loss = "dpo";
    double beta = -1, label_smoothing = 0;
    Index max_prompt = 0;
};

TuningRecords<Preference> read(const Options& options) {
    Progress bar("read", 0);
    return read_preferences(options.data, options.preference_rules(), tuning_reading(options, bar));
}

TuningExampleCounts encode(const Options& options, const ChatEncoder& encoder, const TuningRecipe& recipe,
                           const TuningRecords<Preference>& records, PreferenceWindows& windows) {
    Progress bar("encode", 0);
    return encode_preferences(encoder, records.items, records.places, tuning_rule(recipe, options, bar),
                              [&](Index, PreferenceTokens&& pair) { windows.add(pair); });
}

TuningRecipe chosen_recipe(const Options& options) {
    TuningRecipe recipe = options.changed(find_tuning_recipe("ambersafe-dpo"));
    if (options.form.empty()) recipe.form = recorded_template(options.model).value_or(recipe.form);
    PreferenceLoss& loss = *recipe.preference;
    loss.kind = static_cast<PreferenceLoss::Kind>(
        std::find(preference_loss_names.begin(), preference_loss_names.end(), options.loss) -
        preference_loss_names.begin());
    if (options.beta >= 0) loss.beta = options.beta;
    loss.label_smoothing = options.label_smoothing;
    loss.check();
    return recipe;
}

int tune(Options& options) {
    std::optional<AnyCommunicator> joined = options.launch.join();
    TuningRecipe recipe = chosen_recipe(options);
    const TuningModel model = read_model(options.model);
    options.check_context(model.context);
    recipe.fit(model.context);
    if (options.max_prompt > 0) recipe.reply->max_prompt = options.max_prompt;
    if (recipe.reply->max_prompt < 1 || recipe.reply->max_prompt >= recipe.reply->max_tokens) {
        throw Error(ErrorCode::value, "align",
                    "prompts of up to " + std::to_string(recipe.reply->max_prompt) + " tokens leave no room in " +
                        std::to_string(recipe.reply->max_tokens) + " for an answer");
    }
    const AnyTokenizer tokenizer = open_fitting_tokenizer("align", options.model, model.vocabulary);
    const ChatEncoder encoder = tuning_encoder(recipe, tokenizer);

    const TuningRecords<Preference> records = read(options);
    PreferenceWindows windows({.context = recipe.context, .pad = padding_id(tokenizer)});
    const TuningExampleCounts made = encode(options, encoder, recipe, records, windows);
    Json left_out = records.faults().json();
    left_out.update({{"ambiguous", made.ambiguous},
                     {"files that are there twice", records.repeated.size()},
                     {"tokens cut off", made.cut},
                     {"identical when cut", windows.counts().identical},
                     {"without an answer when cut", windows.counts().silent}});
    const bool first = !joined || joined->rank() == 0;
    if (first) print_left_out(left_out);
    const EpochOrder order = tuning_order("align", "pairs", options, recipe, windows.size());
    Json counts = made.json();
    counts["pairs"] = windows.counts().json();
    counts["prefer"] = options.prefer;
    counts["max_prompt"] = recipe.reply->max_prompt;
    const TuningRun run = tuning_run("align", "pairs", options, model, recipe, records.inputs, counts, order);
    if (first)
        std::printf("%ld preferences: %ld pairs of at most %ld tokens, template %s\n", made.items, windows.size(),
                    recipe.context, recipe.form.c_str());

    return tune_on_ranks(options, joined, model, recipe, run,
                         [&]<Device D>(D& device, auto& world, const AnyModel<D>& tuned,
                                       const AnyModel<D>& reference, ConstView<Scalar<D>, 1> base) {
                             const PreferencesTask<D> task{windows,   order, *recipe.preference,
                                                           reference, base,  run.micro_batch};
                             return Tuning(device, options, world, tuned, task, run)();
                         });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Trains a model to prefer what the data prefer (PKU-SafeRLHF, HH-RLHF, prompt/chosen/rejected), by DPO or "
        "IPO "
        "against the model that it starts from. Exit code 75: stopped by a signal after saving; start again to go "
        "on."};
    Options options;
    options.recipe = "ambersafe";
    options.add_to(app, "Pairs", {"ambersafe"}, "what the checkpoint was trained with, else the recipe's");
    app.add_option("--loss", options.loss, "Of a pair")
        ->check(
            CLI::IsMember(std::vector<std::string>(preference_loss_names.begin(), preference_loss_names.end())))
        ->capture_default_str();
    app.add_option("--beta", options.beta, "How closely the model is held to where it started [the recipe's]")
        ->check(positive());
    app.add_option("--label-smoothing", options.label_smoothing,
                   "Share of pairs taken to be labelled the wrong way")
        ->check(number_in(0, 0.5))
        ->capture_default_str();
    options.add_prefer(app);
    app.add_option("--max-prompt", options.max_prompt, "Tokens that a prompt is cut to [half the context]")
        ->check(number_in(1));
    return tuning_main(argc, argv, app, options, "align", [&] { return tune(options); });
}
