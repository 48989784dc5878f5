#include "catch.hpp"
#include "models/golden.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/eval/generate.hpp>

using namespace lapidary;
using namespace lapidary::test;

TEST_CASE("logits with a cache equal those without, bit for bit") {
    const std::string name = GENERATE("llama_tiny", "llama_gqa");
    Cpu device({.threads = 2});
    const GoldenModel<Cpu> golden_model(device, name);
    const Amber& model = golden_model.model;
    const SafetensorsReader file(golden(name + ".safetensors"));
    const auto tokens = file.view<std::int32_t, 2>("tokens");
    const Index batch = tokens.extent(0), time = tokens.extent(1);
    const auto whole = scratch(device, Shape<3>{batch, time, model.vocabulary()});
    model.logits(device, golden_model.weights.view(), tokens, whole);

    const KeyValueCaches<Cpu> caches(device, model, batch, time);
    const std::vector<Index> pieces{5, 1, 1, 9, 1, time - 17};
    Index past = 0;
    for (const Index count : pieces) {
        std::vector<std::int32_t> ids;
        for (Index b = 0; b < batch; ++b) {
            for (Index t = 0; t < count; ++t) ids.push_back(tokens.at(b)[past + t]);
        }
        const auto logits = scratch(device, Shape<2>{batch, model.vocabulary()});
        model.next_logits(device, golden_model.weights.view(),
                          View<const std::int32_t, 2>{ids.data(), {batch, count}}, caches.layers(), past, logits);
        past += count;
        for (Index b = 0; b < batch; ++b) {
            INFO("after " << past << " tokens of sequence " << b);
            CHECK(read(logits.at(b)).data == read(whole.at(b).at(past - 1)).data);
        }
    }
}

TEST_CASE("greedy generation follows the largest logit, and stops where told") {
    Cpu device({.threads = 2});
    const GoldenModel<Cpu> golden_model(device, "llama_tiny");
    const Amber& model = golden_model.model;
    const std::vector<std::int32_t> prompt{7, 3, 50};
    GenerateOptions options{.max_tokens = 12, .sampling = {.temperature = 0}};
    const auto drawn = generate(device, model, golden_model.weights.view(), prompt, options);
    REQUIRE(drawn.size() == 12);
    std::vector<std::int32_t> ids = prompt;
    for (const std::int32_t token : drawn) {
        ScratchScope scope(device.scratch());
        const auto count = static_cast<Index>(ids.size());
        const auto logits = scratch(device, Shape<3>{1, count, model.vocabulary()});
        model.logits(device, golden_model.weights.view(), View<const std::int32_t, 2>{ids.data(), {1, count}},
                     logits);
        const auto last = logits.at(0).at(count - 1);
        CHECK(token == std::max_element(last.begin(), last.end()) - last.begin());
        ids.push_back(token);
    }
    options.stop_tokens = {drawn[4]};
    const auto stopped = generate(device, model, golden_model.weights.view(), prompt, options);
    CHECK(stopped.back() == drawn[4]);
    CHECK(stopped.size() <= 5);
}

TEST_CASE("generation ends when the context is full and refuses bad prompts") {
    Cpu device({.threads = 1});
    const GoldenModel<Cpu> golden_model(device, "llama_tiny");  // a context of 64
    const auto run = [&](const std::vector<std::int32_t>& prompt) {
        return generate(device, golden_model.model, golden_model.weights.view(), prompt, {.max_tokens = 1000});
    };
    CHECK(run({1, 2, 3, 4}).size() == 61);  // one after each position from the fourth to the last
    CHECK_THROWS_WITH(run({}), ContainsSubstring("a prompt of 0 tokens"));
    CHECK_THROWS_WITH(run(std::vector<std::int32_t>(65, 1)), ContainsSubstring("a prompt of 65 tokens"));
    CHECK_THROWS_WITH(run({1, 97}), ContainsSubstring("token 97"));
}

TEST_CASE("sampling is a function of seed and position, and keeps to its limits") {
    const std::vector<float> logits{0.5F, 2.0F, 1.0F, -1.0F, 1.9F};
    CHECK(sample<float>(logits, {.temperature = 0}, 0) == 1);
    CHECK(sample<float>(std::vector<float>{1, 3, 3}, {.temperature = 0}, 0) == 1);
    std::vector<int> counts(5);
    const SampleOptions all{.seed = 5};
    for (std::uint64_t i = 0; i < 20000; ++i) ++counts[static_cast<std::size_t>(sample<float>(logits, all, i))];
    double total = 0;
    for (const float logit : logits) total += std::exp(logit);
    for (std::size_t i = 0; i < logits.size(); ++i) {
        CHECK(counts[i] / 20000.0 == Approx(std::exp(logits[i]) / total).margin(0.01));
    }
    for (std::uint64_t i = 0; i < 200; ++i) {
        CHECK(sample<float>(logits, all, i) == sample<float>(logits, all, i));
        const Index by_count = sample<float>(logits, {.top_k = 2, .seed = 5}, i);
        CHECK((by_count == 1 || by_count == 4));
        const Index by_mass = sample<float>(logits, {.top_p = 0.3, .seed = 5}, i);
        CHECK(by_mass == 1);
    }
    CHECK_THROWS_AS(sample<float>(logits, {.top_p = 0}, 0), Error);
    CHECK_THROWS_AS(sample<float>(logits, {.temperature = -1}, 0), Error);
    CHECK_THROWS_AS(sample<float>({}, {}, 0), Error);
    CHECK_THROWS_AS(sample<float>(std::vector<float>{1, NAN}, {}, 0), Error);
    // Of many logits: the first of the largest wherever it stands, and what is no number wherever that stands.
    std::vector<float> many(300, -2.0F);
    CHECK(sample<float>(many, {.temperature = 0}, 0) == 0);
    for (const std::size_t at : {299, 130, 128, 127, 64, 63, 1}) {
        many[at] = 5;
        CHECK(sample<float>(many, {.temperature = 0}, 0) == static_cast<Index>(at));
        for (const std::size_t odd : {std::size_t{0}, at - 1, std::size_t{299}}) {
            auto broken = many;
            broken[odd] = NAN;
            CHECK_THROWS_AS(sample<float>(broken, {.temperature = 0}, 0), Error);
        }
    }
    CHECK_THROWS_AS(sample<float>(std::vector<float>(70, -INFINITY), {.temperature = 0}, 0), Error);
    many[200] = INFINITY;
    CHECK_THROWS_AS(sample<float>(many, {.temperature = 0}, 0), Error);
}

TEST_CASE("a batch of prompts gives what each prompt gives on its own, and tells of every token") {
    Cpu device({.threads = 2});
    const GoldenModel<Cpu, Mistral> golden_model(device, "mistral");
    const std::vector<std::vector<std::int32_t>> prompts{{7, 3, 50}, {1}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
    GenerateOptions options{.max_tokens = 14, .sampling = {.temperature = 0}};
    std::vector<std::vector<std::int32_t>> told(3);
    const auto together = generate_batch(
        device, golden_model.model, golden_model.weights.view(), prompts, options,
        [&](Index text, std::int32_t token) { told[static_cast<std::size_t>(text)].push_back(token); });
    CHECK(told == together);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        CHECK(together[i] ==
              generate(device, golden_model.model, golden_model.weights.view(), prompts[i], options));
    }
    // One text ends early; the others go on as if nothing had happened.
    options.stop_tokens = {together[1][3]};
    const auto stopped = generate_batch(device, golden_model.model, golden_model.weights.view(), prompts, options);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const auto end = std::find(together[i].begin(), together[i].end(), together[1][3]);
        const auto count =
            static_cast<std::size_t>(end - together[i].begin()) + (end != together[i].end() ? 1 : 0);
        CHECK(stopped[i] ==
              std::vector(together[i].begin(), together[i].begin() + static_cast<std::ptrdiff_t>(count)));
    }
    CHECK(generate_batch(device, golden_model.model, golden_model.weights.view(), {}, options).empty());
}

TEST_CASE(
    "texts drawn from one prompt differ, but not from one time to the next; ids beyond the vocabulary are not "
    "drawn") {
    Cpu device({.threads = 1});
    const GoldenModel<Cpu, Falcon> golden_model(device, "falcon_40b");
    const std::vector<std::vector<std::int32_t>> prompts(3, {5, 6});
    const GenerateOptions options{.max_tokens = 20, .vocabulary = 13, .sampling = {.temperature = 3, .seed = 4}};
    const auto draw = [&] {
        return generate_batch(device, golden_model.model, golden_model.weights.view(), prompts, options);
    };
    const auto texts = draw();
    CHECK(texts == draw());
    CHECK(texts[0] != texts[1]);
    CHECK(texts[1] != texts[2]);
    for (const auto& text : texts) {
        REQUIRE(text.size() == 20);
        for (const std::int32_t token : text) CHECK(token < 13);
    }
    CHECK_THROWS_WITH(
        generate_batch(device, golden_model.model, golden_model.weights.view(), prompts, {.vocabulary = 62}),
        ContainsSubstring("vocabulary is 62, the model's is 61"));
}
