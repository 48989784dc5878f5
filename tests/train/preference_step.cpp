#include "catch.hpp"
#include "train/support.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/comm/threads.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/preference_step.hpp>
#include <lapidary/train/train_step.hpp>

#include <cmath>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

constexpr Index context = 37;

/// Pairs of which the replies differ in length, with padding behind them.
Batch pairs(Index count, std::uint64_t item) {
    Batch batch = random_batch(2 * count, context, 101, item);
    batch.mask.assign(static_cast<std::size_t>(batch.batch * context), 0);
    for (Index b = 0; b < batch.batch; ++b) {
        const Index prompt = 5 + b % 3, end = 12 + (b * 7) % 25;
        for (Index t = prompt; t < end; ++t) batch.mask[static_cast<std::size_t>(b * context + t)] = 1;
    }
    return batch;
}

std::vector<double> reference_of(const Batch& batch) {
    std::vector<double> reference;
    for (Index b = 0; b < batch.batch; ++b) reference.push_back(-20.0 - 3.0 * std::sin(static_cast<double>(b)));
    return reference;
}

struct Run {
    std::vector<float> weights;
    std::vector<PreferenceRecord> records;
};

Run train(int threads, int ranks, Zero zero, const StepOptions& options, bool tied = false) {
    AmberConfig config = odd_config();
    config.tie_word_embeddings = tied;
    const Amber model{config};
    Run result;
    Threads::run(ranks, [&](Threads& world) {
        Cpu device({.threads = threads});
        TrainState<Cpu> state(device, model.layout(), {.ranks = ranks, .rank = world.rank(), .zero = zero});
        initialize(device, model, state, {.seed = 4});
        std::vector<PreferenceRecord> records;
        for (std::uint64_t step = 0; step < 3; ++step) {
            const Batch batch = pairs(8, step);
            records.push_back(preference_step(device, world, model, state, batch, reference_of(batch),
                                              PreferenceLoss{}, AdamW{}, 1e-2, options));
        }
        // ZeRO-3 keeps a shard of the weights: what they compute says whether they are the same.
        const std::vector<double> after = sequence_log_probs(device, world, model, state, pairs(2, 9));
        if (world.rank() != 0) return;
        result.records = records;
        for (const double each : after) result.weights.push_back(static_cast<float>(each));
        if (zero < Zero::weights) {
            for (const float weight : state.weights.to_host()) result.weights.push_back(weight);
        }
    });
    return result;
}

}  // namespace

TEST_CASE("losses of a margin have the derivatives that they say, and their values far out") {
    const PreferenceLoss losses[] = {
        {}, {.beta = 0.5, .label_smoothing = 0.2}, {PreferenceLoss::Kind::ipo, 0.3, 0}};
    for (const PreferenceLoss& loss : losses) {
        for (const double h : {-40.0, -3.0, -0.1, 0.0, 0.7, 12.0, 90.0}) {
            constexpr double e = 1e-5;
            CHECK(loss.gradient(h) == Approx((loss.loss(h + e) - loss.loss(h - e)) / (2 * e)).margin(1e-9));
        }
    }
    CHECK(PreferenceLoss{}.loss(0) == Approx(std::log(2.0)));
    CHECK(PreferenceLoss{}.loss(-1e5) == Approx(1e4));
    CHECK(PreferenceLoss{}.loss(1e5) == 0);
    CHECK(PreferenceLoss{.label_smoothing = 0.25}.loss(1e5) == Approx(2.5e3));
    CHECK(PreferenceLoss{PreferenceLoss::Kind::ipo, 0.1, 0}.loss(5) == 0);
}

TEMPLATE_TEST_CASE("the gradient of preferences is that of their loss", "", std::true_type, std::false_type) {
    AmberConfig config = AmberConfig::nano();
    config.vocab_size = 29;
    config.hidden_size = 12;
    config.intermediate_size = 10;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 2;
    config.num_key_value_heads = 1;
    config.pad_token_id = -1;
    config.tie_word_embeddings = TestType::value;
    const Amber model{config};
    Reference device;
    SingleProcess world;
    TrainState<Reference> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    Batch batch = pairs(2, 3);
    for (std::int32_t& token : batch.tokens) token %= 29;
    const std::vector<double> reference = reference_of(batch);
    const PreferenceLoss loss{.beta = 0.3, .label_smoothing = 0.1};
    const auto value = [&] { return preference_scores(device, world, model, state, batch, reference, loss).loss; };
    // A step that is refused leaves its gradients.
    preference_step(device, world, model, state, batch, reference, loss, AdamW{}, 0.0,
                    {.accept = [](const StepRecord&) { return false; }});
    std::size_t looked_at = 0;
    for (const Leaf& leaf : model.layout().leaves()) {
        for (Index i = leaf.offset; i < leaf.offset + leaf.size(); i += 1 + leaf.size() / 3) {
            double& weight = state.weights.view().data[i];
            const double before = weight, e = 1e-5;
            weight = before + e;
            const double above = value();
            weight = before - e;
            const double below = value();
            weight = before;
            INFO(leaf.name << " " << i);
            CHECK(state.gradients.view()[i] == Approx((above - below) / (2 * e)).epsilon(1e-5).margin(1e-8));
            ++looked_at;
        }
    }
    CHECK(looked_at > 30);
}

TEST_CASE("threads, micro-batches, ranks and sharding change no bit of a step on preferences") {
    const bool tied = GENERATE(false, true);
    const StepOptions options{.lanes = 4};
    const Run one = train(1, 1, Zero::off, options, tied);
    const auto same = [&](const Run& other) {
        const std::size_t count = std::min(one.weights.size(), other.weights.size());
        CHECK(std::equal(one.weights.begin(), one.weights.begin() + static_cast<std::ptrdiff_t>(count),
                         other.weights.begin()));
        for (std::size_t i = 0; i < one.records.size(); ++i) {
            CHECK(one.records[i].loss == other.records[i].loss);
            CHECK(one.records[i].margin == other.records[i].margin);
            CHECK(one.records[i].accuracy == other.records[i].accuracy);
            CHECK(one.records[i].gradient_norm == other.records[i].gradient_norm);
        }
    };
    same(train(3, 1, Zero::off, options, tied));
    same(train(2, 1, Zero::off, {.micro_batch = 2, .lanes = 4}, tied));
    same(train(1, 2, Zero::off, options, tied));
    same(train(1, 2, Zero::moments, options, tied));
    same(train(1, 4, Zero::gradients, {.micro_batch = 2, .lanes = 4}, tied));
    same(train(1, 2, Zero::weights, options, tied));
}

TEST_CASE("a pair that is rewarded alike costs log 2, and training tells the two apart") {
    const Amber model{odd_config()};
    Cpu device({.threads = 2});
    SingleProcess world;
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    const Batch batch = pairs(4, 0);
    const std::vector<double> reference = sequence_log_probs(device, world, model, state, batch);
    PreferenceRecord record;
    for (Index step = 0; step < 10; ++step) {
        record = preference_step(device, world, model, state, batch, reference, PreferenceLoss{}, AdamW{}, 3e-3);
        if (step > 0) continue;
        CHECK(record.loss == Approx(std::log(2.0)));
        CHECK(std::abs(record.margin) < 1e-12);
        CHECK(record.accuracy == 0);
    }
    CHECK(record.loss < 0.3);
    CHECK(record.accuracy == 1);
    CHECK(record.margin == Approx(record.chosen_reward - record.rejected_reward));
    const Json line = to_json(record);
    CHECK(line["margin"] == record.margin);
    CHECK(line["step"] == 9);
    CHECK(line["chosen_log_prob"] == record.chosen_log_prob);
}

TEST_CASE("a mean over what counts") {
    const Amber model{odd_config()};
    Cpu device({.threads = 2});
    SingleProcess world;
    Batch batch = pairs(2, 5);
    std::vector<StepRecord> records;
    for (const LossMean mean : {LossMean::positions, LossMean::counted, LossMean::sequences}) {
        TrainState<Cpu> state(device, model.layout());
        initialize(device, model, state, {.seed = 4});
        records.push_back(train_step(device, world, model, state, batch, AdamW{}, 1e-3, {.mean = mean}));
        initialize(device, model, state, {.seed = 4});
        CHECK(mean_loss(device, world, model, state, batch, 0, mean) == Approx(records.back().loss));
    }
    const double sum = records[0].loss * 4 * context;
    CHECK(records[1].loss == Approx(sum / static_cast<double>(counted_positions(batch))));
    CHECK(records[2].loss == Approx(sum / 4));
    CHECK(records[2].gradient_norm == Approx(records[0].gradient_norm * context).epsilon(1e-5));
    batch.mask.assign(batch.mask.size(), 0);
    TrainState<Cpu> state(device, model.layout());
    CHECK_THROWS_WITH(train_step(device, world, model, state, batch, AdamW{}, 1e-3, {.mean = LossMean::counted}),
                      Catch::Matchers::Contains("no label of the batch counts"));
}

TEST_CASE("pairs that do not fit are refused") {
    const Amber model{odd_config()};
    Cpu device({.threads = 1});
    SingleProcess world;
    TrainState<Cpu> state(device, model.layout());
    initialize(device, model, state, {.seed = 4});
    const Batch batch = pairs(2, 5);
    const std::vector<double> reference = reference_of(batch);
    const auto step = [&](const Batch& those, std::vector<double> values, const PreferenceLoss& loss = {},
                          const StepOptions& options = {}) {
        preference_step(device, world, model, state, those, values, loss, AdamW{}, 1e-3, options);
    };
    using Catch::Matchers::Contains;
    CHECK_THROWS_WITH(step(batch, {1, 2, 3}), Contains("a pair is two of each"));
    CHECK_THROWS_WITH(step(random_batch(3, 9, 101, 1), {1, 2, 3}), Contains("a pair is two of each"));
    CHECK_THROWS_WITH(step(batch, reference, {}, {.micro_batch = 1}), Contains("pairs must stay together"));
    CHECK_THROWS_WITH(step(batch, reference, {}, {.lanes = 4}), Contains("pairs must stay together"));
    CHECK_THROWS_WITH(step(batch, {1, 2, NAN, 4}), Contains("sequence 2 is nan"));
    CHECK_THROWS_WITH(step(batch, reference, {.beta = 0}), Contains("beta"));
    CHECK_THROWS_WITH(step(batch, reference, {.label_smoothing = 0.5}), Contains("label_smoothing"));
    CHECK_THROWS_WITH(step(batch, reference, {PreferenceLoss::Kind::ipo, 0.1, 0.1}), Contains("DPO's"));
    CHECK(state.step == 0);
    CHECK_THROWS_WITH(measure_preferences(reference, std::vector<double>{1, 2}, PreferenceLoss{}),
                      Contains("4 log-probabilities of the model and 2"));
    CHECK_THROWS_WITH(measure_preferences({}, {}, PreferenceLoss{}), Contains("0 log-probabilities"));
    // Ranks that were told different things by their references would go on with different records.
    CHECK_THROWS_WITH(Threads::run(2,
                                   [&](Threads& threads) {
                                       Cpu own({.threads = 1});
                                       TrainState<Cpu> part(
                                           own, model.layout(),
                                           {.ranks = 2, .rank = threads.rank(), .zero = Zero::off});
                                       initialize(own, model, part, {.seed = 4});
                                       std::vector<double> told = reference;
                                       told[1] += threads.rank();
                                       preference_step(own, threads, model, part, batch, told, PreferenceLoss{},
                                                       AdamW{}, 1e-3, {.lanes = 2});
                                   }),
                      Contains("reference or loss"));
}
