#include "analysis/support.hpp"
#include "catch.hpp"
#include "eval/stories.hpp"
#include "models/golden.hpp"

#include <lapidary/analysis/memorization.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/io/safetensors.hpp>
#include <lapidary/reference.hpp>

#include <algorithm>
#include <limits>

using namespace lapidary;
using namespace lapidary::test;

namespace {

// One token at a time, everything computed anew for each, by the largest logit.
template <Device D, class Model>
std::vector<TokenId> naive(D& device, const Model& model, Weights<Scalar<D>> weights,
                           const MemorizationSample& sample) {
    std::vector<TokenId> result;
    for (Index i = 0; i < sample.size(); ++i) {
        std::vector<TokenId> ids(sample.prompt(i).begin(), sample.prompt(i).end());
        for (Index t = 0; t < sample.continuation; ++t) {
            ScratchScope scope(device.scratch());
            const auto count = static_cast<Index>(ids.size());
            const auto logits = scratch(device, Shape<3>{1, count, model.vocabulary()});
            model.logits(device, weights, ConstView<std::int32_t, 2>{ids.data(), {1, count}}, logits);
            const auto last = logits.at(0).at(count - 1);
            ids.push_back(static_cast<TokenId>(std::max_element(last.begin(), last.end()) - last.begin()));
        }
        result.insert(result.end(), ids.end() - sample.continuation, ids.end());
    }
    return result;
}

// The sequences of the fixture, as if they were the windows of a chunk.
MemorizationSample golden_sample(const SafetensorsReader& file) {
    const auto tokens = file.view<std::int32_t, 2>("tokens");
    MemorizationSample sample{32, 32, {0}, {}, {tokens.begin(), tokens.end()}};
    for (Index i = 0; i < tokens.extent(0); ++i) sample.windows.push_back({0, i, 0});
    return sample;
}

template <class Model>
void check_against_naive(const std::string& name, Index prefix, Index continuation) {
    const TemporaryDirectory folder;
    Cpu cpu({.threads = 2});
    Reference reference;
    const GoldenModel<Cpu, Model> on_cpu(cpu, name);
    const GoldenModel<Reference, Model> on_reference(reference, name);
    const Model& model = on_cpu.model;
    const TokenChunks data = small_data(folder.path(), model.context(), model.vocabulary());
    const std::vector<Index> chunks{0, 2};
    const MemorizationSample sample = draw_memorization_sample(
        data, chunks, {.prefix = prefix, .continuation = continuation, .sequences = 3, .seed = 9});
    INFO(name);
    CHECK(write_greedily(cpu, model, on_cpu.weights.view(), sample) ==
          naive(cpu, model, on_cpu.weights.view(), sample));
    CHECK(write_greedily(reference, model, on_reference.weights.view(), sample) ==
          naive(reference, model, on_reference.weights.view(), sample));
}

}  // namespace

TEST_CASE("what is written is what one token at a time gives, computed without a cache", "[memorization]") {
    check_against_naive<Amber>("llama_gqa", 6, 9);
    check_against_naive<Mistral>("mistral", 12, 13);  // a window shorter than the sequences
    check_against_naive<Mpt>("mpt", 5, 8);
    check_against_naive<CrystalCoder>("crystalcoder", 8, 8);
    check_against_naive<Amber>("llama_tiny", 33, 32);  // as long as the windows are
}

TEST_CASE("scores are those of transformers' generate", "[memorization]") {
    const SafetensorsReader file(golden("memorization.safetensors"));
    const MemorizationSample sample = golden_sample(file);
    StoryModel story;
    const auto written = write_greedily(story.device, story.model, story.weights.view(), sample, {.batch = 5});
    CHECK(written == file.read<std::int32_t>("written"));
    const auto right = matches(sample, written);
    const auto scores = file.read<double>("score");
    double lowest = 1, highest = 0;
    for (Index i = 0; i < sample.size(); ++i) {
        Index count = 0;
        for (Index t = 0; t < 32; ++t) count += right[static_cast<std::size_t>(32 * i + t)];
        INFO("sequence " << i);
        CHECK(static_cast<double>(count) / 32 == scores[static_cast<std::size_t>(i)]);
        lowest = std::min(lowest, scores[static_cast<std::size_t>(i)]);
        highest = std::max(highest, scores[static_cast<std::size_t>(i)]);
    }
    CHECK(lowest < 0.1);
    CHECK(highest == 1);
    // The same where texts end at a token and are filled up, as LLM360's program lets them.
    const std::int32_t stop = file.read<std::int32_t>("stop")[0];
    CHECK(std::count(written.begin(), written.end(), stop) > 5);
    CHECK(matches(sample, written, stop) == file.read<std::uint8_t>("stopped_matches"));
}

TEST_CASE("no batch size and no number of threads changes what is written", "[memorization]") {
    const SafetensorsReader file(golden("memorization.safetensors"));
    const MemorizationSample sample = golden_sample(file);
    const StoryModel story;
    std::vector<TokenId> first;
    for (const int threads : {1, 2, 5}) {
        for (const Index batch : {1, 3, 64}) {
            Cpu device({.threads = threads});
            Tensor<float, 1, Cpu> weights(device, {story.model.layout().size()});
            read_weights(device, story.model, story.directory, weights.view());
            std::vector<Index> told;
            const auto written =
                write_greedily(device, story.model, weights.view(), sample,
                               {.batch = batch, .progress = [&](Index done) { told.push_back(done); }});
            if (first.empty()) first = written;
            INFO(threads << " threads, batches of " << batch);
            CHECK(written == first);
            CHECK(std::ssize(told) == ceil_div(sample.size(), batch));
            CHECK(told.back() == sample.size());
        }
    }
}

TEST_CASE("sequences are compared position by position, and not behind a stop", "[memorization]") {
    const MemorizationSample sample{1, 4, {0}, {{0, 0, 0}, {0, 1, 0}}, {9, 1, 2, 3, 4, 9, 5, 2, 7, 8}};
    const std::vector<TokenId> written{1, 0, 3, 4, 5, 2, 7, 8};
    CHECK(matches(sample, written) == std::vector<std::uint8_t>{1, 0, 1, 1, 1, 1, 1, 1});
    CHECK(matches(sample, written, 2) == std::vector<std::uint8_t>{1, 0, 1, 1, 1, 1, 0, 0});  // itself counts
    CHECK(matches(sample, written, 0) == std::vector<std::uint8_t>{1, 0, 0, 0, 1, 1, 1, 1});
    CHECK_THROWS_WITH(matches(sample, std::span(written).first(7)),
                      ContainsSubstring("7 ids were written, expected 2"));
}

TEST_CASE("models that do not fit the sequences are refused", "[memorization]") {
    Cpu device({.threads = 1});
    const GoldenModel<Cpu> golden_model(device, "llama_tiny");  // 97 ids, a context of 64
    const auto write = [&](const MemorizationSample& sample, Index batch = 2) {
        return write_greedily(device, golden_model.model, golden_model.weights.view(), sample, {.batch = batch});
    };
    const auto sample = [](Index prefix, Index continuation, TokenId last) {
        MemorizationSample result{prefix, continuation, {0}, {{0, 0, 0}}, {}};
        result.tokens.assign(static_cast<std::size_t>(result.length()), 1);
        result.tokens.back() = last;
        return result;
    };
    CHECK(write(sample(33, 32, 1)).size() == 32);
    CHECK(write(sample(1, 2, 96)).size() == 2);
    CHECK(write({1, 1, {}, {}, {}}).empty());
    CHECK_THROWS_WITH(write(sample(33, 33, 1)), ContainsSubstring("the model's context is 64"));
    CHECK_THROWS_WITH(write(sample(1, 2, 97)), ContainsSubstring("token 97 in sequence 0 at position 2"));
    CHECK_THROWS_WITH(write(sample(1, 2, 1), 0), ContainsSubstring("the batch is 0"));
    Tensor<float, 1, Cpu> broken(device, {golden_model.model.layout().size()});
    read_weights(device, golden_model.model, golden("llama_tiny"), broken.view());
    std::fill_n(broken.view().data, broken.view().size() / 2, std::numeric_limits<float>::quiet_NaN());
    CHECK_THROWS_WITH(write_greedily(device, golden_model.model, broken.view(), sample(1, 2, 1)),
                      ContainsSubstring("not a number"));
}
