// Against the LM Evaluation Harness 0.4.13 itself, which ran the same questions with the same model.

#include "catch.hpp"
#include "eval/stories.hpp"
#include "eval/support.hpp"

#include <lapidary/checkpoint/huggingface.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/eval/choice_results.hpp>
#include <lapidary/eval/choice_tasks.hpp>
#include <lapidary/eval/log_likelihoods.hpp>
#include <lapidary/eval/text_perplexity.hpp>
#include <lapidary/io/sha256.hpp>
#include <lapidary/models/families.hpp>

using namespace lapidary;
using namespace lapidary::test;

namespace {

struct Stories : StoryModel {
    std::vector<LogLikelihood> answers(const std::vector<TokenRequest>& requests) {
        return log_likelihoods(device, model, weights.view(), requests, {.greedy = true});
    }
};

std::string digest(const std::string& text) { return sha256_hex(std::as_bytes(std::span(text))).substr(0, 16); }

// The first `limit` questions of a task (0: all) against those of the harness.
void compare(Stories& stories, const ChoiceTask& task, const Json& golden, bool add_bos, Index limit) {
    INFO(task.name);
    const RequestEncoder encoder(story_tokenizer(), add_bos);
    const PreparedChoices prepared = prepare_choices(task, encoder, {.limit = limit});
    const auto answers = stories.answers(prepared.requests);
    const Json& questions = golden["questions"];
    const auto prompts =
        prompts_of(task, prepared.task.questions.size(), static_cast<std::size_t>(prepared.shots));
    REQUIRE(questions.size() >= prepared.task.questions.size());
    std::size_t next = 0;
    double furthest = 0;
    for (std::size_t i = 0; i < prepared.task.questions.size(); ++i) {
        CHECK(digest(prompts[i]) == questions[i]["prompt"].get<std::string>());
        const auto sums = questions[i]["sums"].get<std::vector<double>>();
        std::vector<std::size_t> greedy;
        REQUIRE(sums.size() == prepared.task.questions[i].choices.size());
        for (std::size_t k = 0; k < sums.size(); ++k, ++next) {
            furthest = std::max(furthest, std::abs(answers[next].sum - sums[k]));
            if (answers[next].greedy) greedy.push_back(k);
        }
        CHECK(greedy == questions[i]["greedy"].get<std::vector<std::size_t>>());
    }
    CHECK(furthest < 1e-4);
    if (questions.size() > prepared.task.questions.size()) return;
    const ChoiceResult result = choice_result(prepared, answers);
    for (const auto& [name, estimate] : result.metrics) {
        CHECK(estimate.value == Approx(golden["metrics"][name].get<double>()).margin(1e-5));
        CHECK(estimate.standard_error == Approx(golden["metrics"][name + "_stderr"].get<double>()).margin(1e-5));
    }
}

void compare_all(const Json& golden, bool add_bos, Index limit) {
    Stories stories;
    std::size_t compared = 0;
    for (const std::string name : choice_task_names) {
        for (const ChoiceTask& task : choice_tasks(name, eval_data())) {
            if (!golden.contains(task.name)) continue;
            compare(stories, task, golden[task.name], add_bos, limit);
            ++compared;
        }
    }
    CHECK(compared == golden.size());
}

}  // namespace

TEST_CASE("log-likelihoods of every choice are those of the LM Evaluation Harness") {
    compare_all(read_json(eval_data() / "lm_eval.json")["tasks"], true, 2);
}

TEST_CASE("so are those without a start token") {
    compare_all(read_json(eval_data() / "lm_eval.json")["without_bos"], false, 2);
}

TEST_CASE("of a hundred questions of each set, and metrics and errors are equal", "[long]") {
    const Json golden = read_json(eval_data() / "lm_eval.json");
    compare_all(golden["tasks"], true, 0);
    compare_all(golden["without_bos"], false, 10);
}

TEST_CASE("rolling log-likelihoods of texts are those of the LM Evaluation Harness") {
    const Json golden = read_json(eval_data() / "lm_eval.json")["rolling"];
    const auto texts = golden["texts"].get<std::vector<std::string>>();
    Stories stories;
    for (const Json& run : golden["runs"]) {
        const RequestEncoder encoder(story_tokenizer(), run["add_bos"].get<bool>());
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const PreparedTexts prepared =
                prepare_texts("t", std::span(&texts[i], 1), encoder, stories.model.context());
            const TextPerplexity result = text_perplexity(prepared, stories.answers(prepared.requests));
            const double sum = run["sums"][i].get<double>();
            CHECK(result.log_likelihood == Approx(sum).margin(1e-3));
            CHECK(result.words == golden["words"][i].get<Index>());
            CHECK(result.bytes == golden["bytes"][i].get<Index>());
            CHECK(result.per_byte() == Approx(std::exp(-sum / golden["bytes"][i].get<double>())));
        }
    }
    const RequestEncoder encoder(story_tokenizer(), false);
    const PreparedTexts both = prepare_texts("t", texts, encoder, stories.model.context());
    const TextPerplexity result = text_perplexity(both, stories.answers(both.requests));
    const double sum = golden["runs"][0]["sums"][0].get<double>() + golden["runs"][0]["sums"][1].get<double>();
    CHECK(result.per_word() == Approx(std::exp(-sum / static_cast<double>(result.words))));
    CHECK(result.per_token() == Approx(std::exp(-sum / static_cast<double>(result.tokens))));
    CHECK(result.bits_per_byte() == Approx(std::log2(result.per_byte())));
    CHECK(result.documents == 2);
}
