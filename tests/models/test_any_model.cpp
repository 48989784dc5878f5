// A model behind `AnyModel` computes, saves and reads what it does by itself, to the bit.

#include "catch.hpp"
#include "io/support.hpp"
#include "models/golden.hpp"
#include "train/support.hpp"

#include <lapidary/checkpoint/checkpoint.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/any_model.hpp>
#include <lapidary/models/crystalcoder.hpp>
#include <lapidary/models/tuned_model.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/preference_step.hpp>
#include <lapidary/train/train_step.hpp>

#include <vector>

using namespace lapidary;
using namespace lapidary::test;

namespace {

/// What a step on tokens and one on preferences make of a model that begins with seed 3.
template <Device D, class Model>
std::vector<double> two_steps(D& device, const Model& model) {
    SingleProcess world;
    TrainState<D> state(device, model.layout());
    initialize(device, model, state, {.seed = 3});
    const Batch batch = random_batch(4, 20, model.vocabulary(), 1);
    const StepOptions options{.micro_batch = 2};
    std::vector<double> result{train_step(device, world, model, state, batch, AdamW{}, 1e-3, options).loss};
    const auto reference = sequence_log_probs(device, world, model, state, batch);
    result.push_back(
        preference_step(device, world, model, state, batch, reference, PreferenceLoss{}, AdamW{}, 1e-3, options)
            .gradient_norm);
    result.push_back(mean_loss(device, world, model, state, batch));
    for (const auto& vector : {read(state.weights.view()), read(state.v.view())}) {
        result.insert(result.end(), vector.data.begin(), vector.data.end());
    }
    return result;
}

}  // namespace

TEMPLATE_TEST_CASE("steps of any model are those of the model", "", Cpu, Reference) {
    TestType device;
    const Amber amber(odd_config());
    const AnyModel<TestType> any(amber);
    CHECK(any.layout().size() == amber.layout().size());
    CHECK(any.vocabulary() == amber.vocabulary());
    CHECK(any.context() == amber.context());
    CHECK(two_steps(device, any) == two_steps(device, amber));

    const CrystalCoder crystal(read_config<CrystalCoderConfig>(golden("crystalcoder")));
    CHECK(two_steps(device, AnyModel<TestType>(crystal)) == two_steps(device, crystal));

    const Amber adapted(odd_config(), Recompute::nothing, adapter_plan(odd_config(), {.rank = 2, .alpha = 4}));
    Tensor<Scalar<TestType>, 1, TestType> base(device, {adapted.layout().size()});
    initialize(device, adapted.layout(), base.view(), {.seed = 8});
    const TunedModel<Amber, TestType> tuned(adapted, base.view());
    const AnyModel<TestType> copy = AnyModel<TestType>(tuned);
    CHECK(copy.layout().size() == tuned.layout().size());
    CHECK(two_steps(device, copy) == two_steps(device, tuned));
}

TEST_CASE("files of any model are those of the model") {
    const io_test::TemporaryDirectory folder;
    Cpu device;
    const Amber amber(odd_config());
    const AnyModel<Cpu> any(amber);
    TrainState<Cpu> state(device, amber.layout());
    initialize(device, amber, state, {.seed = 3});
    save_checkpoint(device, amber, state, folder / "own");
    save_checkpoint(device, any, state, folder / "any");
    CHECK(read_text(folder / "any" / "SHA256SUMS") == read_text(folder / "own" / "SHA256SUMS"));

    TrainState<Cpu> again(device, any.layout());
    read_checkpoint(device, any, again, folder / "own");
    CHECK(read(again.weights.view()).data == read(state.weights.view()).data);

    AmberConfig wider = odd_config();
    wider.intermediate_size += 1;
    CHECK_THROWS_WITH(check_weights(AnyModel<Cpu>(Amber(wider)), folder / "own"),
                      ContainsSubstring("model.layers.0.mlp.gate_proj.weight") && ContainsSubstring("[78, 60]"));

    const auto adapted = [&](double alpha) {
        return Amber(odd_config(), Recompute::nothing, adapter_plan(odd_config(), {.rank = 2, .alpha = alpha}));
    };
    const Amber four = adapted(4), eight = adapted(8);
    const TunedModel<Amber, Cpu> tuned(four, state.weights.view());
    TrainState<Cpu> adapters(device, tuned.layout());
    initialize(device, tuned, adapters, {.seed = 4});
    save_checkpoint(device, tuned, adapters, folder / "adapters");
    CHECK_NOTHROW(check_weights(AnyModel<Cpu>(tuned), folder / "adapters"));
    CHECK_THROWS_WITH(
        check_weights(AnyModel<Cpu>(TunedModel<Amber, Cpu>(eight, state.weights.view())), folder / "adapters"),
        ContainsSubstring("adapter_config.json: its adapters have rank 2, alpha 4"));
}
