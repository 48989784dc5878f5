// Every family against Hugging Face transformers, CrystalCoder against an independent implementation
// (golden/README.md): logits, loss and every gradient, on both devices; the cached path; what is saved is what was
// read.

#include "catch.hpp"
#include "io/support.hpp"
#include "models/golden.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/eval/key_value_caches.hpp>
#include <lapidary/reference.hpp>
#include <lapidary/train/sequence_batch.hpp>

using namespace lapidary;
using namespace lapidary::test;

namespace {

const char* const fixtures[] = {"llama_tiny", "llama_gqa", "llama_odd",  "mistral", "pythia", "neox_20b",
                                "redpajama",  "falcon_7b", "falcon_40b", "gptj",    "mpt",    "crystalcoder"};

// float: a few thousand roundings; double: what is left is the fixtures' rounding to float and the float angles.
template <class D>
double tolerance(double single) {
    return std::is_same_v<Scalar<D>, float> ? single : 3e-6;
}

/// Calls `check(golden_model, file)` with the model of a fixture, of the type that its config.json asks for.
template <class D, class Check>
void with_fixture(D& device, const std::string& name, Check&& check) {
    visit_config(golden(name), [&](const auto& found) {
        using Model = typename std::decay_t<decltype(found)>::Model;
        check(GoldenModel<D, Model>(device, name), SafetensorsReader(golden(name + ".safetensors")));
    });
}

}  // namespace

TEMPLATE_TEST_CASE("logits, loss and gradients equal PyTorch's", "", Cpu, Reference) {
    const std::string name = GENERATE(from_range(std::begin(fixtures), std::end(fixtures)));
    INFO(name);
    TestType device;
    with_fixture(device, name, [&](const auto& golden_model, const SafetensorsReader& file) {
        const auto& model = golden_model.model;
        const SequenceBatch<TestType> batch(device, file.view<std::int32_t, 2>("tokens"));
        const Weights<Scalar<TestType>> weights(golden_model.weights.view());
        const Index sequences = batch.inputs.ids.extent(0), time = batch.inputs.ids.extent(1);

        const auto logits = poisoned(device, Shape<3>{sequences, time, model.vocabulary()});
        model.logits(device, weights, batch.inputs, logits);
        CHECK(relative_error(read(logits), fixture(file, "logits")) < tolerance<TestType>(1e-5));

        Tensor<Scalar<TestType>, 1, TestType> gradients(device, {model.layout().size()});
        std::vector<double> losses(static_cast<std::size_t>(sequences)), forward_only(losses.size());
        const double tokens = static_cast<double>(sequences * time);
        model.loss_and_gradients(device, weights, batch.inputs, batch.targets, 1 / tokens, losses,
                                 Gradients<Scalar<TestType>>(gradients.view()));
        model.loss(device, weights, batch.inputs, batch.targets, forward_only);
        CHECK(losses == forward_only);
        double loss = 0;
        for (double value : losses) loss += value / tokens;
        CHECK(loss == Approx(fixture(file, "loss").data[0]).epsilon(tolerance<TestType>(1e-5)));

        for (const HuggingFaceTensor& tensor : golden_model.tensors()) {
            INFO(tensor.name);
            CHECK(relative_error(golden_model.values(tensor, gradients.view()),
                                 fixture(file, "grad." + tensor.name)) < tolerance<TestType>(1e-4));
        }
    });
}

TEST_CASE("logits with a cache equal those without, bit for bit, also where sequences have come unlike far") {
    const std::string name = GENERATE(from_range(std::begin(fixtures), std::end(fixtures)));
    INFO(name);
    Cpu device({.threads = 2});
    with_fixture(device, name, [&](const auto& golden_model, const SafetensorsReader& file) {
        const auto& model = golden_model.model;
        const auto tokens = file.view<std::int32_t, 2>("tokens");
        const Index batch = tokens.extent(0), time = tokens.extent(1) - 1;
        const SequenceBatch<Cpu> windows(device, tokens);
        const auto whole = poisoned(device, Shape<3>{batch, time, model.vocabulary()});
        model.logits(device, golden_model.weights, windows.inputs, whole);

        // The first sequence gets a start of 4 tokens, the last goes first in the calls after that.
        const KeyValueCaches<Cpu> caches(device, model, batch, time);
        std::vector<CachedSequence> sequences;
        for (Index b = 0; b < batch; ++b) sequences.push_back({batch - 1 - b, 0});
        const auto advance = [&](std::span<CachedSequence> those, Index count) {
            std::vector<std::int32_t> ids;
            for (const auto& [row, past] : those) {
                for (Index t = 0; t < count; ++t) ids.push_back(windows.inputs.ids.at(row)[past + t]);
            }
            const auto logits = poisoned(device, Shape<2>{static_cast<Index>(those.size()), model.vocabulary()});
            model.next_logits(device, golden_model.weights,
                              View<const std::int32_t, 2>{ids.data(), {logits.extent(0), count}}, caches.layers(),
                              std::span<const CachedSequence>(those), logits);
            for (std::size_t i = 0; i < those.size(); ++i) {
                those[i].past += count;
                INFO("after " << those[i].past << " tokens of sequence " << those[i].row);
                CHECK(read(logits.at(static_cast<Index>(i))).data ==
                      read(whole.at(those[i].row).at(those[i].past - 1)).data);
            }
        };
        const std::span<CachedSequence> all(sequences);
        advance(all.last(1), 4);
        for (const Index count : {5, 1, 1, 3, 1}) advance(all, count);
        advance(all.first(1), 2);
    });
}

TEST_CASE("a saved model is the model that was read, to the bit, and so is its config") {
    const std::string name = GENERATE(from_range(std::begin(fixtures), std::end(fixtures)));
    INFO(name);
    Cpu device({.threads = 1});
    with_fixture(device, name, [&](const auto& golden_model, const SafetensorsReader&) {
        using Config = typename std::decay_t<decltype(golden_model.model)>::Config;
        const io_test::TemporaryDirectory folder;
        write_huggingface(device, golden_model.model, golden_model.weights.view(), folder.path());
        const auto config = read_config<Config>(folder.path());
        CHECK(config_json(config) == config_json(golden_model.model.config()));
        Tensor<float, 1, Cpu> again(device, {golden_model.model.layout().size()});
        read_weights(device, golden_model.model, folder.path(), again.view());
        CHECK(again.to_host() == golden_model.weights.to_host());
    });
}

TEST_CASE("weights in half precision and bfloat16 become the nearest float") {
    const std::string name = GENERATE("mistral_bf16", "neox_20b_fp16");
    INFO(name);
    Reference device;
    with_fixture(device, name, [&](const auto& golden_model, const SafetensorsReader& file) {
        const SequenceBatch<Reference> batch(device, file.view<std::int32_t, 2>("tokens"));
        const auto logits = poisoned(device, Shape<3>{batch.inputs.ids.extent(0), batch.inputs.ids.extent(1),
                                                      golden_model.model.vocabulary()});
        golden_model.model.logits(device, golden_model.weights, batch.inputs, logits);
        CHECK(relative_error(read(logits), fixture(file, "logits")) < 3e-6);
    });
}
