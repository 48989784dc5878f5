// Parameters and training operations of every released size against published counts.

#include "catch.hpp"

#include <lapidary/counting.hpp>
#include <lapidary/models/families.hpp>
#include <lapidary/train/plan.hpp>

using namespace lapidary;

namespace {

struct Published {
    const char *family, *preset;
    Index parameters;
    double products = 0, causal = 0;  // G of FLOPs a token: 6 per weight of a product; with causal attention
    Index context = 2048;
};

// Parameters: model cards and the closed forms of each architecture; operations: 6 (M + V d) + 6 L a (T + 1) with
// M the weights of the layers' products and a the width of all heads together.
const Published published[] = {
    {"amber", "7b", 6738415616, 39.6425, 41.2539},
    {"llama", "7b", 6738415616, 39.6425, 41.2539},
    {"llama", "13b", 13015864320, 77.1097, 79.6275},
    {"llama", "33b", 32528943616, 193.8909, 198.8006},
    {"llama", "65b", 65285660672, 390.1332, 398.1902},
    {"llama", "2-70b", 68976648192},
    {"llama", "open-3b", 3426473600, 19.9434, 20.9663},
    {"mistral", "7b", 7241732096, 42.6624, 45.8844, 4096},
    {"crystalcoder", "7b", 6575278720, 39.4404, 41.0518},
    {"falcon", "7b", 6921720704, 41.5285, 43.3162},
    {"falcon", "40b", 41303293952, 247.8079, 253.8506},
    {"neox", "pythia-14m", 14067712},
    {"neox", "pythia-31m", 30494720},
    {"neox", "pythia-70m", 70426624, 0.2678, 0.3055},
    {"neox", "pythia-160m", 162322944, 0.7414, 0.8547},
    {"neox", "pythia-410m", 405334016, 2.1210, 2.4231},
    {"neox", "pythia-1b", 1011781632, 5.4500, 5.8528},
    {"neox", "pythia-1.4b", 1414647808, 7.8659, 8.4702},
    {"neox", "pythia-2.8b", 2775208960, 15.8722, 16.8793},
    {"neox", "pythia-6.9b", 6857302016, 39.8941, 41.5055},
    {"neox", "pythia-12b", 11846072320, 69.5049, 71.7709},
    {"neox", "20b", 20554567680, 121.4471, 124.7706},
    {"redpajama", "3b", 2775864320, 15.8741, 16.8813},
    {"redpajama", "7b", 6857302016, 39.8941, 41.5055},
    {"gptj", "6b", 6050882784, 35.0615, 36.4715},
    {"mpt", "7b", 6649286656, 39.8941, 41.5055},
    {"mpt", "30b", 29957200896, 179.7390, 196.6525, 8192},
};

}  // namespace

TEST_CASE("every released size has the published number of parameters and of operations a token") {
    for (const Published& size : published) {
        INFO(size.family << " " << size.preset);
        visit_preset(size.family, size.preset, [&](const auto& config) {
            const typename std::decay_t<decltype(config)>::Model model(config);
            CHECK(model.layout().parameter_count() == size.parameters);
            if (size.products == 0) return;
            Counting device;
            const StepPlan plan = plan_step(device, model, 1, size.context);
            CHECK(plan.parameters == size.parameters);
            CHECK(plan.products_per_token / 1e9 == Approx(size.products).margin(1e-4));
            CHECK(plan.operations_per_token() / 1e9 == Approx(size.causal).margin(2e-4));
        });
    }
}

TEST_CASE("a plan counts what a window hides and what is computed again") {
    MistralConfig config;
    config.num_hidden_layers = 2;
    config.sliding_window = 512;
    Counting device;
    const StepPlan windowed = plan_step(device, Mistral(config), 2, 2048);
    // 512 queries see 1, 2, .. 512 positions, the others 512.
    const double pairs = 512.0 * 513 / 2 + 1536.0 * 512;
    CHECK(windowed.attention_per_token == Approx(2 * 12.0 * 4096 * pairs / 2048));

    const Index micro_batch = 4;
    const StepPlan kept = plan_step(device, Mistral(config), micro_batch, 1024);
    const StepPlan again = plan_step(device, Mistral(config, Recompute::block), micro_batch, 1024, 8);
    const double head = 2.0 * 32000 * 4096, down = 2 * 2.0 * 14336 * 4096;  // is not needed again
    CHECK(again.products_per_token - kept.products_per_token == Approx(kept.products_per_token / 3 - head - down));
    CHECK(again.attention_per_token == Approx(kept.attention_per_token * 4 / 3));
    CHECK(again.activations < kept.activations);
    CHECK(again.lane_buffers == 3);
    CHECK_THROWS_WITH(plan_step(device, Mistral(config), 0, 1024), ContainsSubstring("micro-batch 0"));
    CHECK_THROWS_WITH(plan_step(device, Mistral(config), 1, 40000), ContainsSubstring("the context is 32768"));
}

TEST_CASE("families and presets that are not there are answered with those that are") {
    const auto nothing = [](const auto&) {};
    CHECK_THROWS_WITH(visit_preset("gpt5", "7b", nothing),
                      ContainsSubstring("no family 'gpt5'; there are amber, llama, crystalcoder"));
    CHECK_THROWS_WITH(visit_preset("amber", "8b", nothing),
                      "[preset] amber has no preset '8b'; there are 7b, nano, tiny, s, m");
    CHECK_THROWS_WITH(visit_config({{"model_type", "bert"}}, "config.json", nothing),
                      "[config] config.json: 'model_type' 'bert' is no family known here");
    CHECK_THROWS_WITH(visit_config(Json::object(), "config.json", nothing),
                      ContainsSubstring("'model_type' is missing"));
}
