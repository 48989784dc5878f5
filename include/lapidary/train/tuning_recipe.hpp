#pragma once

#include <lapidary/core/error.hpp>
#include <lapidary/core/shape.hpp>
#include <lapidary/data/chat_windows.hpp>
#include <lapidary/data/preference_tokens.hpp>
#include <lapidary/data/split_conversation.hpp>
#include <lapidary/io/quote.hpp>
#include <lapidary/optim/any_optimizer.hpp>
#include <lapidary/optim/learning_rate.hpp>
#include <lapidary/train/loss_mean.hpp>
#include <lapidary/train/preference_loss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace lapidary {

/// How a model is tuned: what becomes of its conversations or preferences, and how it is trained on them. A value:
/// copy one of those below and change it.
struct TuningRecipe {
    std::string name{};
    std::string form{};                  ///< the template's name (text/chat_templates.hpp)
    Packing packing = Packing::none;     ///< of conversations
    std::optional<SplitRule> split{};    ///< of long conversations; none: they are cut where a window ends
    std::optional<ReplyLimits> reply{};  ///< where only the last reply counts, and of preferences
    Index context = 2048;
    Index epochs = 3;
    Index batch = 64;  ///< windows a step, or pairs

    LossMean mean = LossMean::counted;           ///< of conversations
    std::optional<PreferenceLoss> preference{};  ///< the data are preferences, and this is the loss
    AnyOptimizer optimizer = AdamW{};
    double clip = 1;  ///< limit of the gradient norm

    Decay decay = Decay::cosine;  ///< of the learning rate
    double peak = 2e-5;
    double floor = 0;
    double warmup_ratio = 0;     ///< share of all steps, rounded up, that lead up to the peak
    Index warmup_steps = 0;      ///< the same as a number, where the ratio is 0
    bool scaled_biases = false;  ///< where matrices learn at a scaled rate (muP), biases outside of norms do, too

    /// Makes what is longer than a model's context as short as that; half of it is for prompts.
    void fit(Index most) {
        context = std::min(context, most);
        if (split) split->max_tokens = std::min(split->max_tokens, context);
        if (!reply) return;
        reply->max_tokens = std::min(reply->max_tokens, context);
        reply->max_prompt = std::min(reply->max_prompt, context / 2);
    }
    /// The learning rate of a run of so many steps.
    [[nodiscard]] LearningRate rate(Index steps) const {
        const auto share =
            std::min(static_cast<Index>(std::ceil(warmup_ratio * static_cast<double>(steps))), steps - 1);
        return {decay, peak, floor, warmup_ratio > 0 ? share : warmup_steps, steps};
    }
};

/// AMBERCHAT, from AMBER. Sources:
/// - LLM360/amber-train, finetune/amberchat/instruction_finetune.sh: 3 epochs, batches of 8 GPUs x 2 sequences, 16
///   of them accumulated, context 2048, peak 2e-5, cosine to 0, warm-up of 0.04 of the steps, no weight decay;
/// - the trainer of `transformers`, which it runs: betas 0.9 and 0.999, epsilon 1e-8, gradients clipped at 1.
///   There the labels of two sequences are averaged, then these means; here all labels of a step are averaged at
///   once;
/// - lm-sys/FastChat, train.py and split_long_conversation.py: the template, a conversation a window, pieces of
///   2048 tokens.
inline TuningRecipe amberchat_recipe() {
    return {.name = "amberchat",
            .form = "vicuna",
            .split = SplitRule{},
            .context = 2048,
            .epochs = 3,
            .batch = 256,
            .optimizer = AdamW{.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0},
            .clip = 1,
            .decay = Decay::cosine,
            .peak = 2e-5,
            .floor = 0,
            .warmup_ratio = 0.04};
}

/// The first stage of AMBERSAFE, from AMBERCHAT, on the safe answers (`last_of_each_prompt`). Sources:
/// - LLM360/amber-train, finetune/ambersafe, its script: 3 epochs, batches of 64, 512 tokens of which the prompt
///   may be 256, peak 2e-7;
/// - eric-mitchell/direct-preference-optimization, which it runs: prompts as they are, losses summed over an
///   answer (trainers.py); RMSprop with PyTorch's defaults, 150 steps of warm-up and then a constant rate,
///   gradients clipped at 10 (config/config.yaml).
inline TuningRecipe ambersafe_sft_recipe() {
    return {.name = "ambersafe-sft",
            .form = "raw",
            .reply = ReplyLimits{.max_tokens = 512, .max_prompt = 256},
            .context = 512,
            .epochs = 3,
            .batch = 64,
            .mean = LossMean::sequences,
            .optimizer = RmsProp{.decay = 0.99, .epsilon = 1e-8, .weight_decay = 0},
            .clip = 10,
            .decay = Decay::constant,
            .peak = 2e-7,
            .floor = 2e-7,
            .warmup_steps = 150};
}

/// The second stage of AMBERSAFE, from the first, which also is the reference: DPO with beta 0.1. Sources as
/// there; its script: batches of 32 pairs, peak 5e-7.
inline TuningRecipe ambersafe_dpo_recipe() {
    TuningRecipe recipe = ambersafe_sft_recipe();
    recipe.name = "ambersafe-dpo";
    recipe.batch = 32;
    recipe.preference = PreferenceLoss{.kind = PreferenceLoss::Kind::dpo, .beta = 0.1, .label_smoothing = 0};
    recipe.peak = recipe.floor = 5e-7;
    return recipe;
}

/// CRYSTALCHAT, from the second phase of CRYSTALCODER. Sources:
/// - LLM360/crystalcoder-train, finetune/Megatron-LM/rank_cmd_phase2.sh: batches of 1024, peak 2e-4, cosine to
///   2e-5, warm-up of 0.001 of the steps, betas 0.9 and 0.95, epsilon 1e-8, weight decay 0.1, gradients clipped
///   at 1. Its 1600 steps are 3.36 G tokens, a little over three epochs of about 1 G;
/// - megatron/training.py there: biases outside of norms learn at the scaled rate of matrices;
/// - pretrain_crystalcoder_inst.py: the mean over the labels that count;
/// - its data (instruct-data): windows of 2048 tokens, conversations end to end.
inline TuningRecipe crystalchat_recipe() {
    return {.name = "crystalchat",
            .form = "crystalchat",
            .packing = Packing::cut,
            .context = 2048,
            .epochs = 3,
            .batch = 1024,
            .optimizer = AdamW{.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1},
            .clip = 1,
            .decay = Decay::cosine,
            .peak = 2e-4,
            .floor = 2e-5,
            .warmup_ratio = 0.001,
            .scaled_biases = true};
}

/// One of these by its name. Throws Error(value) listing the names.
inline TuningRecipe find_tuning_recipe(std::string_view name) {
    std::string names;
    for (const TuningRecipe& recipe :
         std::array{amberchat_recipe(), ambersafe_sft_recipe(), ambersafe_dpo_recipe(), crystalchat_recipe()}) {
        if (recipe.name == name) return recipe;
        names += (names.empty() ? "" : ", ") + recipe.name;
    }
    throw Error(ErrorCode::value, "tuning_recipe", "there is no recipe " + quote(name) + ", only " + names);
}

}  // namespace lapidary
