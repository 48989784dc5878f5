// Completions of programming problems, and the lists of checkpoints that are evaluated.

#include "catch.hpp"
#include "eval/stories.hpp"
#include "eval/support.hpp"
#include "models/golden.hpp"

#include <lapidary/cpu.hpp>
#include <lapidary/eval/checkpoint_list.hpp>
#include <lapidary/eval/code_problems.hpp>
#include <lapidary/eval/complete_texts.hpp>
#include <lapidary/eval/text_documents.hpp>

using namespace lapidary;
using namespace lapidary::test;

namespace {

struct Stories : StoryModel {
    RequestEncoder encoder{story_tokenizer(), true};

    std::vector<std::string> complete(const std::string& prompt, Index number, const CompletionOptions& options) {
        return complete_text(device, model, weights.view(), encoder, prompt, number, options);
    }
};

}  // namespace

TEST_CASE("completions go on where the prompt ends, and end before what stops them") {
    Stories stories;
    const std::string published = read_text(stories.directory / "expected_temp0_200.txt");
    const std::string start = published.substr(0, 60);
    REQUIRE(start.find('\n') == std::string::npos);
    const std::string whole = stories.complete(start, 0, {.max_tokens = 60}).at(0);
    CHECK(published.substr(60).starts_with(whole.substr(0, 40)));
    const std::string stop = whole.substr(20, 5);
    const std::string cut = stories.complete(start, 0, {.max_tokens = 60, .stops = {"never there", stop}}).at(0);
    CHECK(cut == whole.substr(0, whole.find(stop)));
    CHECK(stories.complete(start, 0, {.max_tokens = 60, .stops = {whole.substr(0, 1)}}).at(0).empty());
}

TEST_CASE("completions are functions of prompt, number and sample") {
    Stories stories;
    const CompletionOptions three{.samples = 3, .max_tokens = 20, .sampling = {.temperature = 1, .seed = 3}};
    const auto texts = stories.complete("Once upon", 4, three);
    REQUIRE(texts.size() == 3);
    CHECK(texts[0] != texts[1]);
    CHECK(texts == stories.complete("Once upon", 4, three));
    CHECK(texts != stories.complete("Once upon", 5, three));
    CompletionOptions two = three;
    two.samples = 2;
    CHECK(stories.complete("Once upon", 4, two) == std::vector(texts.begin(), texts.begin() + 2));
    // Of a prompt that is too long the end counts.
    std::string words;
    for (int i = 0; i < 600; ++i) words += " and";
    CHECK_FALSE(stories.complete("One day" + words, 0, {.max_tokens = 5}).at(0).empty());
    CHECK_THROWS_WITH(stories.complete("x", 0, {.max_tokens = 512}), ContainsSubstring("max_tokens is 512"));
    CHECK_THROWS_WITH(stories.complete("x", 0, {.samples = 0}), ContainsSubstring("samples 0"));
}

TEST_CASE("HumanEval and MBPP are read in their own formats") {
    const TemporaryDirectory folder;
    const auto human =
        read_humaneval(put(folder.path() / "h", R"({"task_id":"HumanEval/0","prompt":"def f():\n","test":"x"})"));
    REQUIRE(human.problems.size() == 1);
    CHECK(human.problems[0].task_id == "HumanEval/0");
    CHECK(human.problems[0].prompt == "def f():\n");
    CHECK(human.stops.size() == 5);
    std::string rows;
    for (const char* id : {"1", "2", "4", "5", "11", "510", "511"}) {
        rows += std::string(R"({"task_id":)") + id + R"(,"text":"T)" + id +
                R"(","code":"c","test_list":["p","q","r"]})" + "\n";
    }
    const auto mbpp = read_mbpp(put(folder.path() / "m", rows));
    REQUIRE(mbpp.problems.size() == 2);
    CHECK(mbpp.problems[1].task_id == 510);
    const std::string asked = "You are an expert Python programmer, and here is your task: T",
                      tests = " Your code should pass these tests:\n\np\nq\nr\n[BEGIN]\n";
    CHECK(mbpp.problems[0].prompt == asked + "2" + tests + "c\n[DONE]\n\n" + asked + "4" + tests +
                                         "c\n[DONE]\n\n" + asked + "5" + tests + "c\n[DONE]\n\n" + asked + "11" +
                                         tests);
    put(folder.path() / "m", R"({"task_id":2,"text":"t","code":"c","test_list":["p","q","r"]})");
    CHECK_THROWS_WITH(read_mbpp(folder.path() / "m"), ContainsSubstring("m: holds 1 of the problems 2 to 10"));
    put(folder.path() / "m", R"({"task_id":2,"text":"t","code":"c","test_list":["p"]})");
    CHECK_THROWS_WITH(read_mbpp(folder.path() / "m"), ContainsSubstring("m:1: 'test_list' must hold three tests"));
}

TEST_CASE("texts are lines of JSON, or whole files") {
    const TemporaryDirectory folder;
    CHECK(read_texts(put(folder.path() / "a.txt", "one\n\ntwo\n")) == std::vector<std::string>{"one\n\ntwo\n"});
    CHECK(read_texts(put(folder.path() / "a.jsonl", "{\"text\":\"one\"}\n\n{\"text\":\"\"}\n")) ==
          std::vector<std::string>{"one", ""});
    CHECK_THROWS_WITH(read_texts(put(folder.path() / "b.jsonl", "{\"text\":1}")),
                      ContainsSubstring("b.jsonl:1: 'text' must be a string"));
}

TEST_CASE("checkpoints are listed by step; half ones and missing ones with what is wrong") {
    const TemporaryDirectory folder;
    const auto make = [&](const std::string& name, Index step) {
        put(folder.path() / name / "config.json", "{}");
        put(folder.path() / name / "model.safetensors", "");
        if (step < 0) return;
        put(folder.path() / name / "state" / "state.json", "{\"step\":" + std::to_string(step) + "}");
        put(folder.path() / name / "SHA256SUMS", "");
    };
    make("ckpt_004", 50);
    make("step_00000012", 12);
    make("ckpt_001", 20);
    make("ckpt_000", 10);
    make("ckpt_002", 30);
    std::filesystem::remove(folder.path() / "ckpt_002" / "SHA256SUMS");
    std::filesystem::remove(folder.path() / "ckpt_004" / "model.safetensors");
    make(".ckpt_005.partial", -1);
    std::string listed;
    for (const auto& [directory, order, problem] : list_checkpoints(folder.path())) {
        listed += directory.filename().string() +
                  (problem.empty() ? " " + std::to_string(order) : ": " + problem) + "\n";
    }
    CHECK(listed ==
          ".ckpt_005.partial: was not finished\nckpt_002: is not complete\nckpt_004: has no weights\n"
          "ckpt_000 10\nstep_00000012 12\nckpt_001 20\nckpt_003: is missing\n");
    // Published weights have no training state.
    const TemporaryDirectory published;
    for (const char* name : {"ckpt_010", "ckpt_009"}) {
        put(published.path() / name / "config.json", "{}");
        put(published.path() / name / "model.safetensors", "");
    }
    const auto two = list_checkpoints(published.path());
    REQUIRE(two.size() == 2);
    CHECK(two[0].order == 9);
    CHECK(list_checkpoints(published.path() / "nowhere").empty());
}
