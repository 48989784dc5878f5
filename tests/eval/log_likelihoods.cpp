#include "catch.hpp"
#include "models/golden.hpp"

#include <lapidary/core/philox.hpp>
#include <lapidary/cpu.hpp>
#include <lapidary/eval/log_likelihoods.hpp>
#include <lapidary/eval/rolling_windows.hpp>

#include <algorithm>

using namespace lapidary;
using namespace lapidary::test;

namespace {

// Requests as choices of questions: beginnings in common, some the same, some beyond the context.
std::vector<TokenRequest> some_requests(std::int32_t vocabulary, Index context) {
    const Philox random(5, "requests", 0);
    std::uint64_t drawn = 0;
    const auto tokens = [&](Index count) {
        std::vector<TokenId> ids;
        for (Index i = 0; i < count; ++i) {
            ids.push_back(static_cast<TokenId>(random.uniform(drawn++) * static_cast<double>(vocabulary)));
        }
        return ids;
    };
    std::vector<TokenRequest> requests;
    const std::vector<TokenId> examples = tokens(9);
    for (const Index length : {1, 4, 12, 30, static_cast<int>(context) + 6}) {
        std::vector<TokenId> question = length % 2 == 0 ? examples : std::vector<TokenId>{};
        const auto own = tokens(length);
        question.insert(question.end(), own.begin(), own.end());
        for (const Index answer : {1, 1, 3, 7, 12}) requests.push_back({question, tokens(answer)});
        requests.push_back(requests.back());
        requests.back().continuation.back() = 0;  // differs in what is asked, not in what the model sees
        requests.push_back({question, requests.back().continuation});
    }
    return requests;
}

// One request at a time, the whole input in one call, without caches.
template <class Model>
LogLikelihood plain(Cpu& device, const Model& model, ConstView<float, 1> weights, const TokenRequest& request) {
    ScratchScope scope(device.scratch());
    const std::vector<TokenId> input = model_input(request, model.context());
    const auto time = static_cast<Index>(input.size()), scored = static_cast<Index>(request.continuation.size());
    std::vector<std::int32_t> targets(input.size(), -1);
    std::copy(request.continuation.begin(), request.continuation.end(), targets.end() - scored);
    const auto losses = scratch(device, Shape<2>{1, time});
    model.loss(device, weights, View<const std::int32_t, 2>{input.data(), {1, time}},
               View<const std::int32_t, 2>{targets.data(), {1, time}}, losses);
    const auto logits = scratch(device, Shape<3>{1, time, model.vocabulary()});
    model.logits(device, weights, View<const std::int32_t, 2>{input.data(), {1, time}}, logits);
    LogLikelihood result{0, true};
    for (Index t = time - scored; t < time; ++t) {
        result.sum -= static_cast<double>(losses[t]);
        const auto row = logits.at(0).at(t);
        result.greedy = result.greedy && std::max_element(row.begin(), row.end()) - row.begin() ==
                                             targets[static_cast<std::size_t>(t)];
    }
    return result;
}

}  // namespace

TEST_CASE("log-likelihoods are those of each request on its own, whatever else is asked, to the last bit") {
    const int threads = GENERATE(1, 2);
    Cpu device({.threads = threads});
    const GoldenModel<Cpu> golden_model(device, "llama_gqa");
    const auto& model = golden_model.model;
    const auto weights = golden_model.weights.view();
    std::vector<TokenRequest> requests =
        some_requests(static_cast<std::int32_t>(model.vocabulary()), model.context());
    std::vector<LogLikelihood> alone;
    for (const TokenRequest& request : requests) alone.push_back(plain(device, model, weights, request));
    for (const Index batch : {1, 3, 8, 100}) {
        const auto together = log_likelihoods(device, model, weights, requests, {.batch = batch, .greedy = true});
        REQUIRE(together.size() == requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            INFO("request " << i << " in batches of " << batch);
            CHECK(together[i].sum == alone[i].sum);
            CHECK(together[i].greedy == alone[i].greedy);
        }
    }
    std::reverse(requests.begin(), requests.end());
    requests.erase(requests.begin() + 3, requests.begin() + 9);
    const auto reversed = log_likelihoods(device, model, weights, requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        CHECK(reversed[i].sum == plain(device, model, weights, requests[i]).sum);
        CHECK_FALSE(reversed[i].greedy);
    }
    CHECK(log_likelihoods(device, model, weights, {}).empty());
}

TEST_CASE("a continuation that the model would write is greedy") {
    Cpu device({.threads = 1});
    const GoldenModel<Cpu, Falcon> golden_model(device, "falcon_40b");
    const auto& model = golden_model.model;
    const auto weights = golden_model.weights.view();
    TokenRequest request{{3, 9}, {}};
    for (int i = 0; i < 4; ++i) {  // the likeliest token, four times
        std::vector<TokenRequest> each;
        for (TokenId id = 0; id < model.vocabulary(); ++id) {
            each.push_back(request);
            each.back().continuation.push_back(id);
        }
        const auto answers = log_likelihoods(device, model, weights, each);
        const auto best = std::max_element(answers.begin(), answers.end(),
                                           [](const auto& a, const auto& b) { return a.sum < b.sum; });
        request.continuation.push_back(static_cast<TokenId>(best - answers.begin()));
    }
    std::vector<TokenRequest> both{request, request};
    both[1].continuation[2] = (both[1].continuation[2] + 1) % static_cast<TokenId>(model.vocabulary());
    const auto answers = log_likelihoods(device, model, weights, both, {.greedy = true});
    CHECK(answers[0].greedy);
    CHECK_FALSE(answers[1].greedy);
    CHECK(answers[0].sum > answers[1].sum);
}

TEST_CASE("shared beginnings are computed once") {
    const std::vector<TokenId> examples{5, 6, 7, 8, 9, 10, 11, 12};
    std::vector<TokenRequest> requests;
    for (const TokenId question : {20, 21}) {
        std::vector<TokenId> context = examples;
        context.push_back(question);
        for (const std::vector<TokenId>& choice : {std::vector<TokenId>{1, 2}, {1, 3}, {4}, {6, 6, 6}}) {
            requests.push_back({context, choice});
        }
    }
    const auto inputs = lapidary::detail::shared_inputs(requests, 64);
    REQUIRE(inputs.size() == 6);  // of each question: the question, with 1, with 6 6
    Index fresh = 0;
    for (const auto& input : inputs) fresh += input.fresh();
    CHECK(fresh ==
          9 + 2 + 3 + (1 + 2 + 3));  // the examples once; the tokens whose logits are asked for are seen again
    // Lanes part where questions do.
    const std::vector<TokenRequest> two{
        {{1, 2, 3, 4, 5}, {6, 7}}, {{1, 2, 3, 4, 5}, {8, 9}}, {{9, 8, 7}, {6}}};
    CHECK(lapidary::detail::lane_bounds(lapidary::detail::shared_inputs(two, 64), 2) ==
          std::vector<std::size_t>{0, 2, 3});
    CHECK(lapidary::detail::lane_bounds(inputs, 1) == std::vector<std::size_t>{0, 6});
}

TEST_CASE("too long requests lose their left; what cannot be asked is refused") {
    CHECK(model_input({{1, 2, 3, 4}, {5, 6, 7}}, 8) == std::vector<TokenId>{1, 2, 3, 4, 5, 6});
    CHECK(model_input({{1, 2, 3, 4}, {5, 6, 7}}, 5) == std::vector<TokenId>{2, 3, 4, 5, 6});
    CHECK(model_input({{1, 2, 3, 4}, {5, 6, 7}}, 3) == std::vector<TokenId>{4, 5, 6});
    CHECK_THROWS_WITH(model_input({{1}, {5, 6, 7}}, 2), ContainsSubstring("at most 2"));
    CHECK_THROWS_WITH(model_input({{}, {5}}, 2), ContainsSubstring("0 tokens of context"));
    CHECK_THROWS_WITH(model_input({{1}, {}}, 2), ContainsSubstring("0 of continuation"));
    Cpu device({.threads = 1});
    const GoldenModel<Cpu> golden_model(device, "llama_gqa");
    const std::vector<TokenRequest> foreign{{{1, 2}, {61}}}, good{{{1}, {2}}};
    const auto run = [&](const auto& requests, Index batch) {
        return log_likelihoods(device, golden_model.model, golden_model.weights.view(), requests,
                               {.batch = batch});
    };
    CHECK_THROWS_WITH(run(foreign, 1), ContainsSubstring("token 61 in sequence 0 at position 2"));
    CHECK_THROWS_WITH(run(good, 0), ContainsSubstring("the batch is 0"));
}

TEST_CASE("rolling windows ask for each token once") {
    std::vector<TokenId> tokens(11);
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<TokenId>(i + 1);
    const auto windows = rolling_windows(tokens, 99, 4);
    REQUIRE(windows.size() == 3);
    CHECK(windows[0].context == std::vector<TokenId>{99});
    CHECK(windows[0].continuation == std::vector<TokenId>{1, 2, 3, 4});
    CHECK(windows[1].context == std::vector<TokenId>{4});
    CHECK(windows[1].continuation == std::vector<TokenId>{5, 6, 7, 8});
    CHECK(windows[2].context == std::vector<TokenId>{7, 8});  // reaches back
    CHECK(windows[2].continuation == std::vector<TokenId>{9, 10, 11});
    CHECK(rolling_windows({}, 99, 4).empty());
    CHECK(rolling_windows({5}, 99, 4).size() == 1);
}
