#include "catch.hpp"

#include <lapidary/text/chat_templates.hpp>
#include <lapidary/train/tuning_recipe.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace lapidary;

namespace {

/// An optimizer without its rules, which follow from the model's family.
Json numbers_of(const AnyOptimizer& optimizer) {
    Json json = optimizer.json();
    json.erase("rules");
    return json;
}

}  // namespace

TEST_CASE("the recipes of the chat models as they are published", "[chat]") {
    const TuningRecipe chat = find_tuning_recipe("amberchat");
    CHECK(find_chat_template(chat.form).name == "vicuna");
    CHECK(chat.batch == 256);
    CHECK(chat.split->max_tokens == 2048);
    CHECK_FALSE(chat.reply);
    CHECK_FALSE(chat.preference);
    CHECK(chat.mean == LossMean::counted);
    CHECK(numbers_of(chat.optimizer) == Json{{"name", "adamw"},
                                             {"beta1", 0.9},
                                             {"beta2", 0.999},
                                             {"epsilon", 1e-8},
                                             {"epsilon_before_correction", false},
                                             {"weight_decay", 0.0}});
    // As transformers' get_cosine_schedule_with_warmup(optimizer, 40, 990) gives it.
    const LearningRate rate = chat.rate(990);
    CHECK(rate.warmup_steps == 40);
    CHECK(rate(0) == 0);
    CHECK(rate(10) == Approx(5e-6));
    CHECK(rate(40) == Approx(2e-5));
    CHECK(rate(515) == Approx(1e-5));
    CHECK(rate(752) == Approx(2e-5 * 0.5 * (1 + std::cos(std::numbers::pi * 712 / 950))));
    CHECK(rate(990) == 0);

    const TuningRecipe sft = find_tuning_recipe("ambersafe-sft"), dpo = find_tuning_recipe("ambersafe-dpo");
    for (const TuningRecipe& stage : {sft, dpo}) {
        CHECK(find_chat_template(stage.form).last_reply_alone);
        CHECK(numbers_of(stage.optimizer) ==
              Json{{"name", "rmsprop"}, {"decay", 0.99}, {"epsilon", 1e-8}, {"weight_decay", 0.0}});
        CHECK(stage.optimizer.moments() == Moments::second);
        CHECK(stage.reply->max_tokens == 512);
        CHECK(stage.reply->max_prompt == 256);
        CHECK(stage.context == 512);
        CHECK(stage.clip == 10);
        for (const Index step : {0, 75, 150, 151, 100000}) {
            const double factor = std::min(1.0, static_cast<double>(step + 1) / 151);
            CHECK(stage.rate(1000)(step) == Approx(stage.peak * factor));
        }
    }
    CHECK(sft.peak == 2e-7);
    CHECK(sft.batch == 64);
    CHECK(sft.mean == LossMean::sequences);
    CHECK_FALSE(sft.preference);
    CHECK(dpo.peak == 5e-7);
    CHECK(dpo.batch == 32);
    CHECK(dpo.preference->beta == 0.1);
    CHECK(dpo.preference->kind == PreferenceLoss::Kind::dpo);

    const TuningRecipe crystal = find_tuning_recipe("crystalchat");
    CHECK(find_chat_template(crystal.form).texts_alone);
    CHECK(crystal.packing == Packing::cut);
    CHECK(crystal.rate(1600).warmup_steps == 2);
    CHECK(crystal.rate(1600)(2) == 2e-4);
    CHECK(crystal.rate(1600)(1600) == 2e-5);
    CHECK(numbers_of(crystal.optimizer)["beta2"] == 0.95);
    CHECK_THROWS_WITH(find_tuning_recipe("wolf"),
                      ContainsSubstring("there is no recipe 'wolf', only amberchat, ambersafe-sft, ambersafe-dpo, "
                                        "crystalchat"));
}

TEST_CASE("a recipe fits a model of a shorter context", "[chat]") {
    TuningRecipe chat = amberchat_recipe(), safe = ambersafe_dpo_recipe();
    chat.fit(4096);
    CHECK(chat.context == 2048);
    chat.fit(128);
    CHECK(chat.context == 128);
    CHECK(chat.split->max_tokens == 128);
    safe.fit(2048);
    CHECK(safe.context == 512);
    CHECK(safe.reply->max_prompt == 256);
    safe.fit(128);
    CHECK(safe.context == 128);
    CHECK(safe.reply->max_tokens == 128);
    CHECK(safe.reply->max_prompt == 64);
}
