// A published checkpoint writes what its author says it writes.

#include "catch.hpp"
#include "models/golden.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/eval/generate.hpp>
#include <lapidary/io/file.hpp>
#include <lapidary/text/sentencepiece.hpp>

using namespace lapidary;

TEST_CASE("stories260K continues as published") {
    const std::filesystem::path tests = LAPIDARY_TEST_DATA, directory = tests / "models" / "stories260K";
    Cpu device({.threads = 2});
    const SentencePiece tokenizer(tests / "text" / "data" / "tok512.model");
    bool found = false;
    visit_config(directory, [&](const auto& config) {
        found = true;
        const typename std::decay_t<decltype(config)>::Model model(config);
        Tensor<float, 1, Cpu> weights(device, {model.layout().size()});
        read_weights(device, model, directory, weights.view());
        const std::vector<std::int32_t> start{tokenizer.bos_id()};
        const auto ids =
            generate(device, model, weights, start, {.max_tokens = 200, .sampling = {.temperature = 0}});
        std::string expected = read_text(directory / "expected_temp0_200.txt");
        while (expected.ends_with('\n')) expected.pop_back();
        CHECK(tokenizer.decode(ids) == expected);
    });
    CHECK(found);
}
