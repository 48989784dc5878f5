#pragma once

#include <lapidary/eval/token_request.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace lapidary::detail {

/// An input that a model has to see, once for all requests that come down to it.
struct SharedInput {
    std::vector<TokenId> tokens;
    std::vector<Index> requests;
    Index scored = 0;  ///< the most tokens at its end whose logits a request asks for
    Index shared = 0;  ///< tokens that it begins with as the one before it does, and that need not be seen again

    [[nodiscard]] Index length() const { return static_cast<Index>(tokens.size()); }
    [[nodiscard]] Index fresh() const { return length() - shared; }
};

/// The inputs of requests in the order of their tokens, each once. Neighbours begin alike as long as any inputs
/// do, so whoever goes from one to the next and keeps keys and values computes every shared beginning once: what
/// the choices of a question have in common, and what the questions of a subject have.
inline std::vector<SharedInput> shared_inputs(std::span<const TokenRequest> requests, Index context) {
    std::vector<std::vector<TokenId>> inputs;
    for (const TokenRequest& request : requests) inputs.push_back(model_input(request, context));
    std::vector<std::size_t> order(inputs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const auto cut = std::lexicographical_compare_three_way(inputs[a].begin(), inputs[a].end(),
                                                                inputs[b].begin(), inputs[b].end());
        return cut != 0 ? cut < 0 : a < b;
    });
    std::vector<SharedInput> result;
    for (const std::size_t i : order) {
        if (result.empty() || result.back().tokens != inputs[i]) result.push_back({std::move(inputs[i]), {}});
        result.back().requests.push_back(static_cast<Index>(i));
        result.back().scored = std::max(result.back().scored, static_cast<Index>(requests[i].continuation.size()));
    }
    for (std::size_t i = 1; i < result.size(); ++i) {
        const auto& before = result[i - 1].tokens;
        auto& [tokens, those, scored, shared] = result[i];
        const auto end = std::mismatch(before.begin(), before.end(), tokens.begin(), tokens.end()).second;
        shared = std::min(static_cast<Index>(end - tokens.begin()), static_cast<Index>(tokens.size()) - scored);
    }
    return result;
}

/// Cuts inputs into up to `lanes` runs of about equally many tokens to see: the first input of each, and the end.
/// What a cut parts is computed twice, so it is made where least is shared, and nowhere that an eighth of a lane
/// would be lost: rather fewer lanes, of which the last ones are longer.
inline std::vector<std::size_t> lane_bounds(std::span<const SharedInput> inputs, Index lanes) {
    std::vector<double> before{0};
    for (const SharedInput& input : inputs) before.push_back(before.back() + static_cast<double>(input.fresh()));
    const double share = before.back() / static_cast<double>(lanes);
    const auto shared = [&](std::size_t i) { return static_cast<double>(inputs[i].shared); };
    std::vector<std::size_t> bounds{0};
    for (std::size_t i = 1; i < inputs.size() && bounds.size() < static_cast<std::size_t>(lanes); ++i) {
        const double start = before[bounds.back()];
        if (before[i] - start < 0.75 * share || shared(i) > share / 8) continue;
        std::size_t best = i;
        for (std::size_t j = i + 1; j < inputs.size() && before[j] - start <= 1.25 * share; ++j) {
            if (shared(j) < shared(best)) best = j;
        }
        bounds.push_back(best);
        i = best;
    }
    bounds.push_back(inputs.size());
    return bounds;
}

}  // namespace lapidary::detail
