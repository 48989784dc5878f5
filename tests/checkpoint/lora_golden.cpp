// Low-rank adapters against peft in double (golden/README.md), on both devices.

#include "catch.hpp"
#include "io/support.hpp"
#include "models/golden.hpp"

#include <lapidary/checkpoint/adapter_files.hpp>
#include <lapidary/comm/single_process.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/models/families.hpp>
#include <lapidary/optim/adamw.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/evaluate.hpp>
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

std::filesystem::path adapter_of(const std::string& name) { return golden("tuning/lora_" + name); }

/// A model of the fixtures with an adapter that peft saved.
template <class D, class Model = Amber>
struct Adapted {
    D& device;
    GoldenModel<D, Model> base;
    Model model;
    TunedModel<Model, D> tuned;
    TrainState<D> state;

    Adapted(D& on, const std::string& name, const std::filesystem::path& adapter)
        : device(on),
          base(on, name),
          model(base.model.config(), Recompute::nothing,
                adapter_plan(base.model.config(), read_lora_options(adapter))),
          tuned(model, base.weights.view(), name),
          state(on, tuned.layout()) {
        read_weights(device, tuned, adapter, state.weights.view());
    }

    Values values(const HuggingFaceTensor& tensor, ConstView<Accumulator<D>, 1> flat) const {
        Values result;
        for (const auto& piece : lapidary::detail::pieces_of(tensor, tuned.layout().leaf(tensor.leaf))) {
            const auto elements = lapidary::detail::load(device, flat, piece);
            result.data.insert(result.data.end(), elements.begin(), elements.end());
        }
        return result;
    }
    /// Compares a flat vector of the adapter with `<prefix><name>` of a file.
    void check(ConstView<Accumulator<D>, 1> flat, const SafetensorsReader& wanted, const std::string& prefix,
               double limit) const {
        for (const HuggingFaceTensor& tensor : tuned.files().tensors) {
            INFO(tensor.name);
            CHECK(relative_error(values(tensor, flat), fixture(wanted, prefix + tensor.name)) < limit);
        }
    }
};

Batch batch_of(View<const std::int32_t, 2> tokens, View<const std::int32_t, 2> mask) {
    Batch batch;
    batch.batch = tokens.extent(0);
    batch.context = tokens.extent(1) - 1;
    batch.tokens = {tokens.begin(), tokens.end()};
    batch.mask = {mask.begin(), mask.end()};
    return batch;
}

template <class D, class Model, class Parameters>
Values logits_of(D& device, const Model& model, const Parameters& weights, View<const std::int32_t, 2> tokens) {
    const SequenceBatch<D> batch(device, tokens);
    const auto logits = poisoned(device, Shape<3>{tokens.extent(0), tokens.extent(1) - 1, model.vocabulary()});
    model.logits(device, Weights<Scalar<D>>(weights), batch.inputs, logits);
    return read(logits);
}

const std::string fixtures_file = "tuning/lora.safetensors";

}  // namespace

TEST_CASE("adapters are written as peft writes them") {
    const auto [base, adapter] = GENERATE(table<std::string, std::string>({{"llama_tiny_adamw", "all"},
                                                                           {"llama_tiny_adamw", "qv"},
                                                                           {"llama_tiny_adamw", "stabilized"},
                                                                           {"crystalcoder", "crystalcoder"},
                                                                           {"neox_20b", "neox_20b"},
                                                                           {"falcon_40b", "falcon_40b"},
                                                                           {"gptj", "gptj"},
                                                                           {"mpt", "mpt"}}));
    INFO(adapter);
    const std::filesystem::path directory = adapter_of(adapter);
    Cpu device({.threads = 1});
    const io_test::TemporaryDirectory folder;
    visit_config(golden(base), [&, &name = base](const auto& config) {
        using Model = typename std::decay_t<decltype(config)>::Model;
        const Adapted<Cpu, Model> adapted(device, name, directory);
        write_huggingface(device, adapted.tuned, adapted.state.weights.view(), folder.path());
    });
    const SafetensorsReader wanted(directory / "adapter_model.safetensors"),
        written(folder.path() / "adapter_model.safetensors");
    CHECK(written.tensors().size() == wanted.tensors().size());
    for (const TensorInfo& tensor : wanted.tensors()) {
        INFO(tensor.name);
        CHECK(written.info(tensor.name).shape == tensor.shape);
        CHECK(written.read<float>(tensor.name) == wanted.read<float>(tensor.name));
    }
    const Json theirs = read_json(directory / "adapter_config.json");
    const Json ours = read_json(folder.path() / "adapter_config.json");
    for (const auto& [key, value] : ours.items()) {
        INFO(key);
        CHECK(value == theirs.at(key));
    }
}

TEST_CASE("adapters are not taken for a model") {
    CHECK(holds_adapters(adapter_of("all")));
    CHECK_FALSE(holds_adapters(golden("llama_tiny_adamw")));
    CHECK_THROWS_WITH(visit_config(adapter_of("all"), [](const auto&) {}),
                      ContainsSubstring("lora_all: holds adapters (LoRA), not a model"));
}

TEMPLATE_TEST_CASE("logits, loss and gradients of adapters equal peft's", "", Cpu, Reference) {
    const std::string name = GENERATE("all", "qv", "stabilized");
    INFO(name);
    TestType device;
    SingleProcess world;
    const SafetensorsReader file(golden(fixtures_file));
    Adapted<TestType> adapted(device, "llama_tiny_adamw", adapter_of(name));
    const auto tokens = file.view<std::int32_t, 2>("tokens");
    CHECK(relative_error(logits_of(device, adapted.tuned, adapted.state.weights.view(), tokens),
                         fixture(file, name + ".logits")) < tolerance<TestType>(1e-5));
    const StepRecord record = train_step(
        device, world, adapted.tuned, adapted.state, batch_of(tokens, file.view<std::int32_t, 2>("mask")), AdamW{},
        0.0, {.mean = LossMean::counted, .accept = [](const StepRecord&) { return false; }});
    CHECK(record.loss == Approx(fixture(file, name + ".loss").data[0]).epsilon(tolerance<TestType>(1e-5, 1e-7)));
    if (name == "stabilized") return;
    adapted.check(adapted.state.gradients.view(), file, name + ".grad.", tolerance<TestType>(1e-5));
}

TEMPLATE_TEST_CASE("merged adapters are the matrices that peft merges", "", Cpu, Reference) {
    TestType device;
    const SafetensorsReader file(golden(fixtures_file));
    const GoldenModel<TestType> base(device, "llama_tiny_adamw");
    const auto weights =
        merged_weights<Amber>(device, base.model.config(), golden("llama_tiny_adamw"), adapter_of("all"));
    int merged = 0;
    for (const HuggingFaceTensor& tensor : base.tensors()) {
        INFO(tensor.name);
        const Values found = base.values(tensor, weights.view());
        if (file.contains("merged." + tensor.name)) {
            CHECK(relative_error(found, fixture(file, "merged." + tensor.name)) < tolerance<TestType>(1e-6));
            ++merged;
        } else {
            CHECK(found.data == base.values(tensor, base.weights.view()).data);
        }
    }
    CHECK(merged == 14);
    CHECK(relative_error(logits_of(device, base.model, weights.view(), file.view<std::int32_t, 2>("tokens")),
                         fixture(file, "all.logits")) < tolerance<TestType>(1e-5));
}

TEMPLATE_TEST_CASE("ten AdamW steps of adapters equal those of peft", "", Cpu, Reference) {
    const std::string name = GENERATE("all", "qv");
    INFO(name);
    TestType device;
    SingleProcess world;
    const SafetensorsReader file(golden(fixtures_file));
    const Json run = read_json(golden("tuning/lora.json"))[name];
    const Json& settings = run["optimizer"];
    const AdamW optimizer{.beta1 = settings["betas"][0].get<double>(),
                          .beta2 = settings["betas"][1].get<double>(),
                          .epsilon = settings["eps"].get<double>(),
                          .weight_decay = settings["weight_decay"].get<double>()};
    Adapted<TestType> adapted(device, "llama_tiny_adamw", golden("tuning/" + run["start"].get<std::string>()));
    const auto base = adapted.base.weights.to_host();
    for (Index step = 0; step < 10; ++step) {
        INFO("step " << step);
        const Json& wanted = run["steps"][static_cast<std::size_t>(step)];
        const Batch batch = batch_of(file.view<std::int32_t, 3>("steps.tokens").at(step),
                                     file.view<std::int32_t, 3>("steps.mask").at(step));
        const StepRecord record =
            train_step(device, world, adapted.tuned, adapted.state, batch, optimizer, wanted["lr"].get<double>(),
                       {.micro_batch = 1, .clip_norm = run["clip"].get<double>(), .mean = LossMean::counted});
        CHECK(record.loss == Approx(wanted["loss"].get<double>()).epsilon(tolerance<TestType>(1e-5, 1e-7)));
        CHECK(record.gradient_norm ==
              Approx(wanted["grad_norm"].get<double>()).epsilon(tolerance<TestType>(1e-5, 1e-7)));
    }
    adapted.check(adapted.state.weights.view(), file, name + ".param.", tolerance<TestType>(3e-5));
    CHECK(adapted.base.weights.to_host() == base);
}

TEMPLATE_TEST_CASE("adapters of fused and transposed matrices give peft's logits", "", Cpu, Reference) {
    const std::string name = GENERATE("crystalcoder", "neox_20b", "falcon_40b", "gptj", "mpt");
    INFO(name);
    TestType device;
    const SafetensorsReader file(golden(fixtures_file)), windows(golden(name + ".safetensors"));
    const auto tokens = windows.view<std::int32_t, 2>("tokens");
    visit_config(golden(name), [&](const auto& config) {
        using Model = typename std::decay_t<decltype(config)>::Model;
        Adapted<TestType, Model> adapted(device, name, adapter_of(name));
        const Values wanted = fixture(file, name + ".logits");
        CHECK(relative_error(logits_of(device, adapted.tuned, adapted.state.weights.view(), tokens), wanted) <
              tolerance<TestType>(1e-5));
        const auto merged = merged_weights<Model>(device, config, golden(name), adapter_of(name));
        CHECK(relative_error(logits_of(device, adapted.base.model, merged.view(), tokens), wanted) <
              tolerance<TestType>(1e-5));
    });
}
