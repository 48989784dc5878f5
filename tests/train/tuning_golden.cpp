// Fine-tuning and training on preferences against PyTorch in double (golden/README.md), on both devices.

#include "catch.hpp"
#include "models/golden.hpp"

#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/optim/rmsprop.hpp>
#include <lapidary/optim/schedule.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/evaluate.hpp>
#include <lapidary/train/preference_step.hpp>
#include <lapidary/train/train_step.hpp>

#include <string>
#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// On the Reference device what is left is the fixtures' rounding to float and the float angles.
template <class D>
double tolerance(double single, double exact = 3e-7) {
    return std::is_same_v<Scalar<D>, float> ? single : exact;
}

/// Relative where a value is large, absolute where it is small.
template <class D>
auto near(const Json& wanted) {
    return Approx(wanted.get<double>()).epsilon(tolerance<D>(1e-5, 1e-7)).margin(tolerance<D>(1e-5, 1e-7));
}

/// Windows of a fixture and which of their targets count.
Batch batch_of(View<const std::int32_t, 2> tokens, View<const std::int32_t, 2> mask) {
    Batch batch;
    batch.batch = tokens.extent(0);
    batch.context = tokens.extent(1) - 1;
    batch.tokens = {tokens.begin(), tokens.end()};
    batch.mask = {mask.begin(), mask.end()};
    return batch;
}
Batch whole_batch(const SafetensorsReader& file) {
    return batch_of(file.view<std::int32_t, 2>("tokens"), file.view<std::int32_t, 2>("mask"));
}
Batch batch_of_step(const SafetensorsReader& file, const std::string& data, Index step) {
    return batch_of(file.view<std::int32_t, 3>(data + ".tokens").at(step),
                    file.view<std::int32_t, 3>(data + ".mask").at(step));
}

PreferenceLoss loss_of(const Json& settings) {
    return {settings["kind"] == "ipo" ? PreferenceLoss::Kind::ipo : PreferenceLoss::Kind::dpo,
            settings["beta"].get<double>(), settings["label_smoothing"].get<double>()};
}

/// The model that all of it starts from, and its state as RMSprop keeps it.
template <class D>
struct Start {
    D device;
    SingleProcess world;
    GoldenModel<D> golden;
    TrainState<D> state;

    Start() : golden(device, "llama_tiny_adamw"), state(device, golden.model.layout(), {}, Moments::second) {
        copy(device, golden.weights.view(), state.weights.view());
    }

    /// Compares a flat vector with `<prefix><name>` of a file, times a factor.
    void check(ConstView<Accumulator<D>, 1> flat, const SafetensorsReader& file, const std::string& prefix,
               double limit, double factor = 1) const {
        for (const HuggingFaceTensor& tensor : golden.tensors()) {
            INFO(tensor.name);
            Values wanted = fixture(file, prefix + tensor.name);
            for (double& each : wanted.data) each *= factor;
            CHECK(relative_error(golden.values(tensor, flat), wanted) < limit);
        }
    }
};

template <class D>
void check_preferences(const PreferenceRecord& record, const Json& wanted) {
    CHECK(record.loss == near<D>(wanted["loss"]));
    CHECK(record.chosen_reward == near<D>(wanted["chosen_reward"]));
    CHECK(record.rejected_reward == near<D>(wanted["rejected_reward"]));
    CHECK(record.margin == near<D>(wanted["margin"]));
    CHECK(record.accuracy == wanted["accuracy"].get<double>());
    CHECK(record.chosen_log_prob == near<D>(wanted["chosen_log_prob"]));
    CHECK(record.rejected_log_prob == near<D>(wanted["rejected_log_prob"]));
}

/// A step that leaves its gradients and changes nothing.
bool refuse(const StepRecord&) { return false; }

}  // namespace

TEMPLATE_TEST_CASE("the three means of a masked loss and their gradients equal PyTorch's", "", Cpu, Reference) {
    const auto [mean, name] =
        GENERATE(std::pair{LossMean::positions, "loss.positions"}, std::pair{LossMean::counted, "loss.counted"},
                 std::pair{LossMean::sequences, "loss.sequences"});
    INFO(name);
    Start<TestType> start;
    const SafetensorsReader file(golden("tuning/sft.safetensors"));
    const Batch batch = whole_batch(file);
    const double wanted = fixture(file, name).data[0], counted = fixture(file, "loss.counted").data[0];
    const StepRecord record = train_step(start.device, start.world, start.golden.model, start.state, batch,
                                         RmsProp{}, 0.0, {.micro_batch = 3, .mean = mean, .accept = refuse});
    CHECK(record.loss == near<TestType>(wanted));
    CHECK(mean_loss(start.device, start.world, start.golden.model, start.state, batch, 0, mean) ==
          near<TestType>(wanted));
    start.check(start.state.gradients.view(), file, "grad.", tolerance<TestType>(1e-5), wanted / counted);
}

TEMPLATE_TEST_CASE("log-probabilities of replies equal PyTorch's, the model's and the reference's", "", Cpu,
                   Reference) {
    TestType device;
    SingleProcess world;
    const SafetensorsReader file(golden("tuning/preference.safetensors"));
    const auto [directory, name] =
        GENERATE(std::pair{"llama_tiny_adamw", "policy"}, std::pair{"tuning/reference", "reference"});
    INFO(name);
    const GoldenModel<TestType> model(device, directory);
    const std::vector<double> found =
        sequence_log_probs(device, world, model.model, model.weights.view(), whole_batch(file));
    const std::vector<double> wanted = file.read<double>(name);
    REQUIRE(found.size() == wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == near<TestType>(wanted[i]));
}

TEMPLATE_TEST_CASE("DPO and IPO, their rewards and gradients equal PyTorch's", "", Cpu, Reference) {
    const std::string name = GENERATE("dpo", "dpo_smoothed", "ipo", "ipo_steep");
    INFO(name);
    Start<TestType> start;
    const SafetensorsReader file(golden("tuning/preference.safetensors"));
    const Json wanted = read_json(golden("tuning/preference.json"))[name];
    const Batch batch = whole_batch(file);
    const std::vector<double> reference = file.read<double>("reference");
    check_preferences<TestType>(preference_scores(start.device, start.world, start.golden.model, start.state,
                                                  batch, reference, loss_of(wanted)),
                                wanted);
    check_preferences<TestType>(
        preference_step(start.device, start.world, start.golden.model, start.state, batch, reference,
                        loss_of(wanted), RmsProp{}, 0.0, {.micro_batch = 4, .accept = refuse}),
        wanted);
    start.check(start.state.gradients.view(), file, name + ".grad.", tolerance<TestType>(1e-5));
}

TEMPLATE_TEST_CASE("ten RMSprop steps on preferences or conversations equal PyTorch's", "", Cpu, Reference) {
    const std::string name = GENERATE("dpo", "dpo_clipped", "sft");
    INFO(name);
    Start<TestType> start;
    const SafetensorsReader file(golden("tuning/steps.safetensors"));
    const Json run = read_json(golden("tuning/steps.json"))[name];
    const RmsProp optimizer{.decay = run["alpha"].get<double>(), .epsilon = run["eps"].get<double>()};
    const ConstantSchedule rate{.peak = run["rate"].get<double>(),
                                .warmup_steps = run["warmup_steps"].get<Index>()};
    const StepOptions options{.clip_norm = run["clip"].get<double>(), .mean = LossMean::sequences};
    const auto check = [](const StepRecord& record, const Json& wanted) {
        CHECK(record.loss == near<TestType>(wanted["loss"]));
        CHECK(record.gradient_norm == near<TestType>(wanted["grad_norm"]));
        CHECK(record.learning_rate == Approx(wanted["lr"].get<double>()).epsilon(1e-14));
    };
    for (Index step = 0; step < 10; ++step) {
        INFO("step " << step);
        const Json& wanted = run["steps"][static_cast<std::size_t>(step)];
        const Batch batch = batch_of_step(file, name == "sft" ? "sft" : "dpo", step);
        if (name == "sft") {
            check(train_step(start.device, start.world, start.golden.model, start.state, batch, optimizer,
                             rate(step), options),
                  wanted);
        } else {
            const auto reference = file.view<double, 2>("dpo.reference").at(step);
            const PreferenceRecord record =
                preference_step(start.device, start.world, start.golden.model, start.state, batch,
                                std::vector<double>(reference.begin(), reference.end()), loss_of(run), optimizer,
                                rate(step), options);
            check(record, wanted);
            check_preferences<TestType>(record, wanted);
        }
    }
    start.check(start.state.weights.view(), file, name + ".param.", tolerance<TestType>(1e-5));
}
