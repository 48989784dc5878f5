// Steps of fine-tuning on a GPU or its stand-in: preferences, and adapters of low rank, beside the CPU's.

#include "support.hpp"
#include "train/support.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/cuda/kernels.cuh>
#include <lapidary/models/adapters.hpp>
#include <lapidary/models/tuned_model.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/train/preference_step.hpp>
#include <lapidary/train/train_step.hpp>

#include <cmath>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

AmberConfig small_config() {
    AmberConfig config = AmberConfig::nano();
    config.vocab_size = 37;
    config.hidden_size = 32;
    config.intermediate_size = 48;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 1;
    config.max_position_embeddings = 12;
    return config;
}

Batch pairs(std::uint64_t item) {
    Batch batch = random_batch(4, 12, 37, item);
    batch.mask.assign(48, 0);
    for (std::size_t i = 0; i < 48; ++i) batch.mask[i] = i % 12 >= 4 + i / 12 ? 1 : 0;
    return batch;
}

struct Learned {
    std::vector<PreferenceRecord> records;
    std::vector<float> weights;    // as they are computed with
    std::vector<float> gradients;  // of the first step
};

/// Three steps of preferences with RMSprop, of all weights or of adapters, beside the frozen base.
template <Device D>
Learned learn(D& device, bool low_rank) {
    SingleProcess world;
    const AmberConfig config = small_config();
    const AdapterPlan plan = low_rank ? adapter_plan(config, {.rank = 3, .alpha = 6}) : AdapterPlan{};
    const Amber model(config, Recompute::nothing, plan);
    Tensor<Scalar<D>, 1, D> base(device, {model.layout().size()});
    initialize(device, model.layout(), {0, model.layout().size()}, base.view(), {.seed = 4});
    const auto tuned = low_rank ? TunedModel<Amber, D>(model, base.view()) : TunedModel<Amber, D>(model);
    TrainState<D> state(device, tuned.layout(), {}, Moments::second);
    initialize(device, tuned, state, {.seed = 4});
    Learned learned;
    for (std::uint64_t step = 0; step < 3; ++step) {
        const Batch batch = pairs(step);
        const auto reference = sequence_log_probs(device, world, model, base.view(), batch);
        learned.records.push_back(preference_step(device, world, tuned, state, batch, reference,
                                                  PreferenceLoss{.beta = 0.5}, RmsProp{}, 2e-3,
                                                  {.micro_batch = 2}));
        if (step == 0) {
            for (const auto each : state.gradients.to_host())
                learned.gradients.push_back(static_cast<float>(each));
        }
    }
    const StepOptions supervised{.micro_batch = 2, .mean = LossMean::counted};
    train_step(device, world, tuned, state, pairs(7), RmsProp{}, 1e-3, supervised);
    for (const auto each : state.weights.to_host()) learned.weights.push_back(static_cast<float>(each));
    return learned;
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
    double distance = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        distance += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
        size += std::pow(static_cast<double>(b[i]), 2);
    }
    return std::sqrt(distance / size);
}

}  // namespace

TEMPLATE_TEST_CASE("preferences and adapters on a GPU learn what the CPU does, and repeat", "", float, bf16) {
    const bool low_rank = GENERATE(false, true);
    INFO((low_rank ? "adapters" : "all weights"));
    constexpr bool narrow = std::is_same_v<TestType, bf16>;
    Cpu cpu({.threads = 1});
    const Learned expected = learn(cpu, low_rank);
    auto device = own_gpu<TestType>();
    const Learned learned = learn(device, low_rank);
    for (std::size_t i = 0; i < expected.records.size(); ++i) {
        CHECK(learned.records[i].loss == Approx(expected.records[i].loss).epsilon(narrow ? 5e-2 : 1e-4));
        CHECK(learned.records[i].chosen_log_prob ==
              Approx(expected.records[i].chosen_log_prob).epsilon(narrow ? 5e-3 : 1e-5));
    }
    CHECK(expected.records[2].gradient_norm > 0);
    CHECK(difference(learned.gradients, expected.gradients) < (narrow ? 0.1 : 1e-4));
    // RMSprop's first step takes the sign of a gradient, however small it is.
    CHECK(difference(learned.weights, expected.weights) < (narrow ? 0.1 : 1e-2));
    auto again = own_gpu<TestType>();
    CHECK(learn(again, low_rank).weights == learned.weights);
}
