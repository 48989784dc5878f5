// How multiple-choice sets are read and put to a model. What must come out was made by Python or by the harness:
// tests/golden/make_evaluation.py.

#include "catch.hpp"
#include "eval/support.hpp"

#include <lapidary/eval/bos_policy.hpp>
#include <lapidary/eval/choice_results.hpp>
#include <lapidary/eval/choice_tasks.hpp>
#include <lapidary/eval/own_choices.hpp>

using namespace lapidary;
using namespace lapidary::test;

TEST_CASE("samples are those of Python's random.sample") {
    const Json golden = read_json(eval_data() / "lm_eval.json");
    REQUIRE(golden["python"]["draws"].size() == 7);
    for (const Json& draws : golden["python"]["draws"]) {
        PythonRandom random(draws["seed"].get<std::uint32_t>());
        for (const Json& drawn : draws["draws"]) {
            INFO(draws.dump());
            CHECK(random.sample(draws["size"].get<std::size_t>(), draws["count"].get<std::size_t>()) ==
                  drawn.get<std::vector<std::size_t>>());
        }
    }
    CHECK(PythonRandom(1234).bits(32) == 4150886329U);  // random.Random(1234).getrandbits(32)
    CHECK_THROWS_WITH(PythonRandom(1).sample(2, 3), ContainsSubstring("cannot draw 3 of 2"));
}

TEST_CASE("text is treated as Python treats it") {
    CHECK(python::strip(" \t\u00a0a b\u3000\n") == "a b");
    CHECK(python::rstrip("Answer: \u2009") == "Answer:");
    CHECK(python::strip("\u200b") == "\u200b");  // no space to Python
    CHECK(python::length("na\u00efve \U0001F600") == 7);
    CHECK(python::words("") == 1);
    CHECK(python::words(" a  b\u00a0c\n") == 5);
    CHECK(python::replace("a  b   c", "  ", " ") == "a b  c");
    const Json golden = read_json(eval_data() / "lm_eval.json");
    for (const Json& text : golden["python"]["capitalized"]) {
        CHECK(python::capitalize(text["text"].get<std::string>()) == text["capitalized"].get<std::string>());
    }
    REQUIRE(golden["python"]["cleaned"].size() == 7);
    for (const Json& text : golden["python"]["cleaned"]) {
        INFO(text.dump());
        CHECK(hellaswag_text(text["text"].get<std::string>()) == text["cleaned"].get<std::string>());
    }
}

TEST_CASE("prompts are a description, examples with answers, and the question") {
    ChoiceTask task{.name = "t", .description = "About t.\n\n", .rule = FewShotRule::first};
    for (const char* letter : {"p", "q", "r"}) {
        task.pool.push_back({letter, std::string("Question: ") + letter + "\nAnswer:", {"no", "yes"}, 1});
    }
    task.questions = task.pool;
    const auto prompts = prompts_of(task, 9, 2);
    REQUIRE(prompts.size() == 3);
    CHECK(prompts[2] ==
          "About t.\n\nQuestion: p\nAnswer: yes\n\nQuestion: q\nAnswer: yes\n\nQuestion: r\nAnswer:");
    task.rule = FewShotRule::drawn_without;
    for (const auto& prompt : prompts_of(task, 3, 2, 7)) {  // both others, never itself
        for (const char* letter : {"p", "q", "r"}) {
            const std::string question = std::string("Question: ") + letter;
            CHECK(prompt.find(question) == prompt.rfind(question));
        }
    }
    CHECK_THROWS_WITH(prompts_of(task, 1, 3), ContainsSubstring("t: 3 examples are wanted, and there are 3"));
    CHECK(prompts_of(task, 1, 0) == std::vector<std::string>{"About t.\n\nQuestion: p\nAnswer:"});
    task.pool[1] = task.pool[2] = task.pool[0];  // the question three times: none is left
    CHECK_THROWS_WITH(prompts_of(task, 1, 1), ContainsSubstring("cannot draw 1 of 0"));
}

TEST_CASE("sets are read in the forms that their authors and Hugging Face give them") {
    const TemporaryDirectory folder;
    const auto file = put(
        folder.path() / "a.jsonl",
        R"({"id":"1","question":"Q","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"2"})"
        "\n\n"
        R"({"id":"2","question":{"stem":"R","choices":[{"text":"u","label":"A"},{"text":"v","label":"B"}]},"answerKey":"A"})");
    const auto arc = read_arc(file);
    REQUIRE(arc.size() == 2);
    CHECK(arc[0] == ChoiceQuestion{"1", "Question: Q\nAnswer:", {"x", "y"}, 1});
    CHECK(arc[1] == ChoiceQuestion{"2", "Question: R\nAnswer:", {"u", "v"}, 0});

    bool whole = false;
    const auto hellaswag = read_hellaswag(
        put(folder.path() / "h.jsonl",
            R"({"ind":4,"activity_label":"A","ctx_a":"He runs.","ctx_b":"he Then","ctx":"?","endings":["[x] a [title] b","c"],"label":"1"})"),
        whole);
    CHECK_FALSE(whole);
    CHECK(hellaswag[0] == ChoiceQuestion{"4", "A: He runs. He then", {" a. b", "c"}, 1});

    const auto mmlu = read_mmlu(put(folder.path() / "m.csv", "\" Two\r\nlines, \"\"q\"\" \",1,2,\"3,5\",4,C\r\n"));
    CHECK(mmlu[0] ==
          ChoiceQuestion{"0", "Two\nlines, \"q\"\nA. 1\nB. 2\nC. 3,5\nD. 4\nAnswer:", {"A", "B", "C", "D"}, 2});

    const auto truthful = read_truthfulqa(
        put(folder.path() / "t.json", R"([{"question":"Q?","mc2_targets":{"a":0,"b":1,"c":1}}])"), "mc2_targets");
    CHECK(truthful[0].prompt.starts_with("Q: What is human life"));
    CHECK(truthful[0].prompt.ends_with("Barcelona, Spain.\n\nQ: Q?\nA:"));
    CHECK(truthful[0].answer == 1);
    CHECK(truthful[0].truths == std::vector<bool>{false, true, true});

    const auto own = read_own_choices(put(folder.path() / "o.jsonl",
                                          R"({"question":"Q","choices":["a","b"],"answer":1})"
                                          "\n"
                                          R"({"id":"z","context":"Once","choices":["c"],"answer":0})"));
    CHECK(own[0] == ChoiceQuestion{"0", "Question: Q\nAnswer:", {"a", "b"}, 1});
    CHECK(own[1] == ChoiceQuestion{"z", "Once", {"c"}, 0});
    CHECK(own_choices_task(folder.path() / "o.jsonl").name == "o");
    CHECK(own_choices_task(folder.path() / "o.jsonl", folder.path() / "o.jsonl").rule == FewShotRule::first);
}

TEST_CASE("files with wrong fields are refused by file, line and key") {
    const TemporaryDirectory folder;
    const auto file = folder.path() / "f";
    bool whole = false;
    put(file,
        "{\"id\":\"1\",\"question\":\"Q\",\"choices\":{\"text\":[\"x\"],\"label\":[\"A\"]},\"answerKey\":\"A\"}\n{"
        "\"id\":\"2\"}");
    CHECK_THROWS_WITH(read_arc(file), ContainsSubstring("f:2: 'question' is missing"));
    put(file, R"({"id":"1","question":"Q","choices":{"text":["x"],"label":["A"]},"answerKey":"B"})");
    CHECK_THROWS_WITH(read_arc(file),
                      ContainsSubstring("f:1: 'answerKey' is 'B', which labels none of the 1 choices"));
    put(file, "\n{\"ind\":4,");
    CHECK_THROWS_WITH(read_hellaswag(file, whole), ContainsSubstring("f:2: line 1 column"));
    put(file, R"({"ind":4,"activity_label":"A","ctx_a":"","ctx_b":"","endings":["c"],"label":1})");
    CHECK_THROWS_WITH(read_hellaswag(file, whole), ContainsSubstring("f:1: 'label' is 1, there are 1 endings"));
    put(file, "q,a,b,c,d,A\n\nq,\"a\n\",b,c,d,E\n");
    CHECK_THROWS_WITH(read_mmlu(file), ContainsSubstring("f:3: expected a question, four choices and a letter"));
    put(file, "q,a,b,c,d,A\n\"q");
    CHECK_THROWS_WITH(read_mmlu(file), ContainsSubstring("f:2: a quote is opened and never closed"));
    put(file, R"([{"question":"q","mc1_targets":{"a":1}},{"question":"q","mc1_targets":{"a":0}}])");
    CHECK_THROWS_WITH(read_truthfulqa(file, "mc1_targets"),
                      ContainsSubstring("f: question 1: no choice of 'mc1_targets' is true"));
    put(file, R"({"question":"Q","choices":["a"],"answer":1})");
    CHECK_THROWS_WITH(read_own_choices(file), ContainsSubstring("f:1: 'answer' is 1, there are 1 choices"));
    put(file, R"({"question":"Q","choices":["a",""],"answer":0})");
    CHECK_THROWS_WITH(read_own_choices(file), ContainsSubstring("f:1: a choice is empty"));
    CHECK_THROWS_WITH(choice_tasks("boolq", folder.path()),
                      ContainsSubstring("no task 'boolq'; there are arc_easy"));
    CHECK_THROWS_WITH(choice_tasks("mmlu", folder.path()), ContainsSubstring("mmlu: there is no such file"));
    CHECK_THROWS_WITH(choice_tasks("arc_easy", folder.path()),
                      ContainsSubstring("ARC-Easy-test.jsonl: there is no such"));
}

TEST_CASE("pairs are encoded as one text; the space before an answer is the answer's") {
    const RequestEncoder plain(story_tokenizer(), false), with(story_tokenizer(), true);
    const auto requests = plain.encode("Answer: \n", {"the dog", "a"});
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].context == plain.encode("Answer:"));
    std::vector<TokenId> whole = requests[0].context;
    whole.insert(whole.end(), requests[0].continuation.begin(), requests[0].continuation.end());
    CHECK(whole == plain.encode("Answer: \nthe dog"));
    CHECK(with.encode("Answer:")[0] == 1);
    CHECK(with.encode("A", {" b"})[0].context[0] == 1);
    CHECK(plain.encode("", {"the"})[0].context == std::vector<TokenId>{1});
    CHECK(plain.encode("", {"the"})[0].continuation == story_tokenizer().encode("the"));
    CHECK_THROWS_WITH(plain.encode("A", {""}), ContainsSubstring("no token is left of the continuation ''"));
}

TEST_CASE("a directory says whether texts begin with the start token") {
    const TemporaryDirectory folder;
    CHECK_FALSE(adds_bos(folder.path()));
    put(folder.path() / "tokenizer.json",
        R"({"post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},
        {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}]}]}})");
    CHECK(adds_bos(folder.path()));
    put(folder.path() / "tokenizer_config.json", R"({"add_bos_token":null})");
    CHECK(adds_bos(folder.path()));
    put(folder.path() / "tokenizer_config.json", R"({"add_bos_token":false})");
    CHECK_FALSE(adds_bos(folder.path()));
    put(folder.path() / "tokenizer_config.json", R"({"add_bos_token":1})");
    CHECK_THROWS_WITH(adds_bos(folder.path()), ContainsSubstring("'add_bos_token' must be true or false"));
    std::filesystem::remove(folder.path() / "tokenizer_config.json");
    put(folder.path() / "tokenizer.json", R"({"post_processor":null})");
    CHECK_FALSE(adds_bos(folder.path()));
}

TEST_CASE("scores: the first of equals, characters and not bytes, mass of the true") {
    const ChoiceQuestion question{"0", "", {"\u00e9\u00e9", "abc", "d"}, 0, {true, false, true}};
    const std::vector<LogLikelihood> answers{{-4, false}, {-6, false}, {-2, false}};
    CHECK(choice_score(ChoiceMetric::accuracy, question, answers) == 0);             // the last is likeliest
    CHECK(choice_score(ChoiceMetric::normalized_accuracy, question, answers) == 1);  // all the same per character
    const double right = std::exp(-4) + std::exp(-2);
    CHECK(choice_score(ChoiceMetric::true_mass, question, answers) == Approx(right / (right + std::exp(-6))));
}

TEST_CASE("standard errors of a mean, of a group by size, and of a group by task") {
    const std::vector<double> scores{1, 0, 1, 1};
    const Estimate mean = mean_of(scores);
    CHECK(mean.value == 0.75);
    CHECK(mean.standard_error == Approx(0.25));  // sqrt((3 / 16 + 9 / 16) / 3 / 4)
    CHECK(std::isnan(mean_of(std::span(scores).first(1)).standard_error));
    const Json golden = read_json(eval_data() / "lm_eval.json")["python"]["group"];
    std::vector<ChoiceResult> results;
    for (const Json& answers : golden["answers"]) {
        const auto own = answers.get<std::vector<double>>();
        const Estimate estimate = mean_of(own);
        CHECK(estimate.standard_error == Approx(golden["stderrs"][results.size()].get<double>()));
        results.push_back({"mmlu_x", "stem", static_cast<Index>(own.size()), 5, {{"acc", estimate}}, {}});
    }
    const auto groups = group_results(results);
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].name == "mmlu");
    CHECK(groups[1].name == "mmlu_stem");
    CHECK(groups[1].questions == 21);
    for (const ChoiceResult& group : groups) {
        const Estimate by_size = group.metrics.at(0).second, by_subject = group.metrics.at(1).second;
        CHECK(by_size.value == Approx(golden["by_size"][0].get<double>()));
        CHECK(by_size.standard_error == Approx(golden["by_size"][1].get<double>()));
        CHECK(by_subject.value == Approx(golden["by_task"][0].get<double>()));
        CHECK(by_subject.standard_error == Approx(golden["by_task"][1].get<double>()));
    }
    results.resize(1);
    results[0].metrics[0].second = mean_of(std::vector<double>{1});
    CHECK(choice_json(results[0]).dump() ==
          R"({"task":"mmlu_x","questions":7,"shots":5,"acc":1.0,"acc_stderr":null})");
}
