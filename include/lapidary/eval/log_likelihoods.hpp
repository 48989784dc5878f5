#pragma once

#include <lapidary/eval/key_value_caches.hpp>
#include <lapidary/eval/prefix_lanes.hpp>
#include <lapidary/eval/token_request.hpp>
#include <lapidary/ops/cross_entropy.hpp>
#include <lapidary/train/sequence_batch.hpp>

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

namespace lapidary {

struct LogLikelihoodOptions {
    Index batch = 8;      ///< sequences that are under way at once: memory for keys and values of so many
    bool greedy = false;  ///< also find whether a continuation is what the model would write
};

namespace detail {

/// The inputs of one row of the caches, one after the other.
struct InputLane {
    Index row;
    std::size_t next, end;
    bool begun = false;
};

/// One of the inputs that a call to the model goes on with.
struct LaneStep {
    InputLane* lane;
    const SharedInput* input;
    Index past;
    [[nodiscard]] Index fresh() const { return input->length() - past; }
};

/// Walks lanes of inputs through a model and adds up what requests ask for.
template <Device D, class Model>
class RequestScorer {
public:
    RequestScorer(D& device, const Model& model, Weights<Scalar<D>> weights,
                  std::span<const TokenRequest> requests, const LogLikelihoodOptions& options)
        : device_(device),
          model_(model),
          weights_(weights),
          requests_(requests),
          options_(options),
          inputs_(shared_inputs(requests, model.context())),
          results_(requests.size()) {
        std::vector<std::int32_t> all;
        for (const TokenRequest& request : requests) {  // the same tokens, in a place that names sequences
            all.assign(request.context.begin(), request.context.end());
            all.insert(all.end(), request.continuation.begin(), request.continuation.end());
            check_tokens({all.data(), {1, static_cast<Index>(all.size())}}, model.vocabulary());
        }
    }

    std::vector<LogLikelihood> run() {
        Index longest = 0;
        for (const SharedInput& input : inputs_) longest = std::max(longest, input.length());
        const std::vector<std::size_t> bounds = lane_bounds(inputs_, options_.batch);
        std::vector<InputLane> lanes;
        for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
            lanes.push_back({static_cast<Index>(i), bounds[i], bounds[i + 1]});
        }
        const KeyValueCaches<D> caches(device_, model_, static_cast<Index>(lanes.size()), longest);
        std::vector<LaneStep> steps;
        for (;;) {  // every lane goes on by one input, those with about equally many new tokens together
            steps.clear();
            for (InputLane& lane : lanes) {
                if (lane.next == lane.end) continue;
                const SharedInput& input = inputs_[lane.next];
                steps.push_back({&lane, &input, lane.begun ? input.shared : 0});
            }
            if (steps.empty()) return std::move(results_);
            std::stable_sort(steps.begin(), steps.end(),
                             [](const LaneStep& a, const LaneStep& b) { return a.fresh() > b.fresh(); });
            for (std::size_t first = 0; first < steps.size();) {
                const std::size_t count = alike(std::span(steps).subspan(first), longest);
                advance(caches, std::span<const LaneStep>(steps).subspan(first, count));
                first += count;
            }
        }
    }

private:
    static constexpr Index call_tokens = 2048;  // in one call: enough to keep a device busy
    static constexpr Index logit_rows = 512;    // whose logits exist at once

    /// How many of the steps, from the first on, may go in one call: padded to the first one's length they waste
    /// little, and have room.
    static std::size_t alike(std::span<const LaneStep> steps, Index room) {
        const Index time = steps[0].fresh(), least = time - std::max<Index>(8, time / 8);
        std::size_t count = 1;
        while (count < steps.size() && steps[count].fresh() >= least && steps[count].past + time <= room &&
               (static_cast<Index>(count) + 1) * time <= call_tokens) {
            ++count;
        }
        return count;
    }

    void advance(const KeyValueCaches<D>& caches, std::span<const LaneStep> steps) {
        ScratchScope scope(device_.scratch());
        const auto batch = static_cast<Index>(steps.size()), time = steps[0].fresh();
        std::vector<TokenId> host(static_cast<std::size_t>(batch * time));  // padded behind: nothing looks ahead
        std::vector<CachedSequence> sequences;
        rows_.clear(), targets_.clear(), owners_.clear();
        for (Index b = 0; b < batch; ++b) {
            const auto& [lane, input, past] = steps[static_cast<std::size_t>(b)];
            sequences.push_back({lane->row, past});
            std::copy(input->tokens.begin() + past, input->tokens.end(), host.begin() + b * time);
            for (const Index i : input->requests) {
                const auto& continuation = requests_[static_cast<std::size_t>(i)].continuation;
                const Index first =
                    steps[static_cast<std::size_t>(b)].fresh() - static_cast<Index>(continuation.size());
                for (std::size_t t = 0; t < continuation.size(); ++t) {
                    rows_.push_back(b * time + first + static_cast<Index>(t));
                    targets_.push_back(continuation[t]);
                    owners_.push_back(static_cast<std::size_t>(i));
                }
                results_[static_cast<std::size_t>(i)] = {0, options_.greedy};
            }
            ++lane->next;
            lane->begun = true;
        }
        const auto ids = device_.scratch().template allocate<std::int32_t, 2>({batch, time});
        device_.upload(host.data(), ids.data, host.size() * sizeof(TokenId));
        model_.visit_logits(device_, weights_, ids, caches.layers(), std::span<const CachedSequence>(sequences),
                            std::span<const Index>(rows_), logit_rows,
                            [&](Index first, View<Scalar<D>, 2> logits) { add(first, logits); });
    }

    void add(Index first, View<Scalar<D>, 2> logits) {
        ScratchScope scope(device_.scratch());
        const Index count = logits.extent(0);
        const auto at = [&](Index i) { return static_cast<std::size_t>(first + i); };
        const auto targets = device_.scratch().template allocate<std::int32_t, 1>({count});
        device_.upload(targets_.data() + first, targets.data,
                       static_cast<std::size_t>(count) * sizeof(std::int32_t));
        const auto losses = accumulator_scratch(device_, Shape<1>{count});
        cross_entropy(device_, ConstView<Scalar<D>, 2>(logits), ConstView<std::int32_t, 1>(targets), losses);
        std::vector<Accumulator<D>> host(static_cast<std::size_t>(count));
        device_.download(losses.data, host.data(), host.size() * sizeof(Accumulator<D>));
        for (Index i = 0; i < count; ++i) {
            results_[owners_[at(i)]].sum -= static_cast<double>(host[static_cast<std::size_t>(i)]);
        }
        for (Index i = 0; options_.greedy && i < count; ++i) {
            const auto row = read_accumulators(device_, logits.at(i));
            const bool likeliest = std::max_element(row.begin(), row.end()) - row.begin() == targets_[at(i)];
            results_[owners_[at(i)]].greedy = results_[owners_[at(i)]].greedy && likeliest;
        }
    }

    D& device_;
    const Model& model_;
    Weights<Scalar<D>> weights_;
    std::span<const TokenRequest> requests_;
    LogLikelihoodOptions options_;
    std::vector<SharedInput> inputs_;
    std::vector<LogLikelihood> results_;
    std::vector<Index> rows_;            // of a call: tokens whose logits are wanted,
    std::vector<std::int32_t> targets_;  // which token's,
    std::vector<std::size_t> owners_;    // for which request
};

}  // namespace detail

/// How likely a model finds continuations of contexts; tokens that do not fit its context are cut off on the left
/// (`model_input`). Ties for the likeliest token go to the lowest id.
///
/// Whatever inputs begin alike is computed once, by way of cached keys and values, and logits are computed of the
/// continuations only. On a CPU the answer to a request is a function of the weights and the request: no other
/// request, no batch size and no number of threads changes a bit. Throws Error(value) as `model_input` does, for
/// ids outside the vocabulary and for a batch below 1.
template <Device D, class Model>
std::vector<LogLikelihood> log_likelihoods(D& device, const Model& model,
                                           std::type_identity_t<Weights<Scalar<D>>> weights,
                                           std::span<const TokenRequest> requests,
                                           const LogLikelihoodOptions& options = {}) {
    if (options.batch < 1) {
        throw Error(ErrorCode::value, "log_likelihoods", "the batch is " + std::to_string(options.batch));
    }
    if (requests.empty()) return {};
    return detail::RequestScorer<D, Model>(device, model, weights, requests, options).run();
}

}  // namespace lapidary
