// Whole models on a GPU or its stand-in, all operations of the CUDA backend together: against transformers'
// values (golden/README.md), as the other devices are.

#include "support.hpp"

#include "models/golden.hpp"

#include <lapidary/cuda/kernels.cuh>
#include <lapidary/eval/generate.hpp>
#include <lapidary/train/sequence_batch.hpp>

using namespace lapidary;
using namespace lapidary::test;

namespace {

template <class ModelConfig>
struct Fixture {
    using Config = ModelConfig;
    const char* name;
};

// float: a few thousand roundings. bf16: its 8 bits, those of the weights, and sums of a norm's gradient that
// nearly cancel.
struct Tolerances {
    double logits, loss, gradients;
};
template <class T>
constexpr Tolerances tolerances =
    std::is_same_v<T, bf16> ? Tolerances{2e-2, 5e-3, 0.1} : Tolerances{1e-5, 1e-5, 1e-4};

template <class T, class Config>
void check_model(Fixture<Config> which) {
    INFO(which.name);
    auto&& device = fresh_gpu<T>();
    using D = std::remove_reference_t<decltype(device)>;
    const GoldenModel<D, typename Config::Model> golden_model(device, which.name);
    const SafetensorsReader file(golden(std::string(which.name) + ".safetensors"));
    const auto& model = golden_model.model;
    const SequenceBatch<D> batch(device, file.view<std::int32_t, 2>("tokens"));
    const Weights<T> weights(golden_model.weights.view());
    const Index sequences = batch.inputs.ids.extent(0), time = batch.inputs.ids.extent(1);

    const auto logits = poisoned(device, Shape<3>{sequences, time, model.vocabulary()});
    model.logits(device, weights, batch.inputs, logits);
    CHECK(relative_error(read(logits), fixture(file, "logits")) < tolerances<T>.logits);

    Tensor<float, 1, D> gradients(device, {model.layout().size()});
    std::vector<double> losses(static_cast<std::size_t>(sequences));
    const double tokens = static_cast<double>(sequences * time);
    model.loss_and_gradients(device, weights, batch.inputs, batch.targets, 1 / tokens, losses,
                             Gradients<float>(gradients.view()));
    double loss = 0;
    for (double value : losses) loss += value / tokens;
    CHECK(loss == Approx(fixture(file, "loss").data[0]).epsilon(tolerances<T>.loss));
    for (const HuggingFaceTensor& tensor : golden_model.tensors()) {
        INFO(tensor.name);
        CHECK(relative_error(golden_model.values(tensor, gradients.view()), fixture(file, "grad." + tensor.name)) <
              tolerances<T>.gradients);
    }
}

}  // namespace

TEMPLATE_TEST_CASE("models on a GPU have PyTorch's logits, loss and gradients", "", float, bf16) {
    check_model<TestType>(Fixture<LlamaConfig>{"llama_odd"});
    check_model<TestType>(Fixture<CrystalCoderConfig>{"crystalcoder"});
    check_model<TestType>(Fixture<FalconConfig>{"falcon_40b"});
    check_model<TestType>(Fixture<MptConfig>{"mpt"});
}
