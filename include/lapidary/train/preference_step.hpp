#pragma once

#include <lapidary/train/evaluate.hpp>
#include <lapidary/train/preference_record.hpp>
#include <lapidary/train/take_step.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapidary {

namespace detail {

/// Throws Error(shape) unless a batch is of pairs, and there is a reference for each of their replies;
/// Error(value) if one of these is not finite.
inline void check_pairs(std::string_view operation, const Batch& batch, std::span<const double> reference) {
    require_shape(batch.batch % 2 == 0 && std::ssize(reference) == batch.batch, operation, [&] {
        return std::to_string(batch.batch) + " sequences and " + std::to_string(reference.size()) +
               " log-probabilities of the reference: a pair is two of each";
    });
    for (std::size_t i = 0; i < reference.size(); ++i) {
        if (std::isfinite(reference[i])) continue;
        throw Error(ErrorCode::value, operation,
                    "the reference's log-probability of sequence " + std::to_string(i) + " is " +
                        std::to_string(reference[i]));
    }
}

/// The margins of pairs.
struct PreferenceObjective {
    using Record = PreferenceRecord;
    std::span<const double> reference;
    const PreferenceLoss& loss;

    static bool repeats() { return false; }  // it asks the host
    [[nodiscard]] std::uint64_t hash() const {
        std::uint64_t hash = static_cast<std::uint64_t>(loss.kind) + 1;
        const auto add = [&](double value) {
            hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15u;
            hash ^= hash >> 29;
        };
        for (const double value : reference) add(value);
        add(loss.beta);
        add(loss.label_smoothing);
        return hash;
    }
    static const char* what_else() { return ", reference or loss"; }

    void check(const LaneShare& lanes, Index micro_batch) const {
        if (lanes.sequences % 2 == 0 && micro_batch % 2 == 0) return;
        throw Error(ErrorCode::value, "preference_step",
                    "a lane of " + std::to_string(lanes.sequences) + " sequences in micro-batches of " +
                        std::to_string(micro_batch) + ": pairs must stay together, so both must be even");
    }
    /// `first`: which sequence of the batch the micro-batch begins with.
    template <Device D, class Model>
    void differentiate(D& device, const Model& model, Weights<Scalar<D>> weights, const SequenceBatch<D>& part,
                       Index first, View<Accumulator<D>, 2> losses, Gradients<Accumulator<D>> gradients) const {
        const double pairs = static_cast<double>(reference.size() / 2);
        const auto weigh = [&](std::span<const double> sums) {
            std::vector<double> log_probs, factors(sums.size());
            for (const double sum : sums) log_probs.push_back(-sum);
            const auto own = reference.subspan(static_cast<std::size_t>(first), sums.size());
            for (std::size_t i = 0; i < sums.size(); i += 2) {
                factors[i + 1] = loss.gradient(preference_of(log_probs, own, i)) / pairs;
                factors[i] = -factors[i + 1];  // of losses, which have the other sign
            }
            return factors;
        };
        model.weighted_gradients(device, weights, part.inputs, part.targets, weigh, losses, gradients);
    }
    [[nodiscard]] PreferenceRecord measure(const std::vector<double>& losses, const LaneShare&) const {
        std::vector<double> log_probs;
        for (const double each : losses) log_probs.push_back(-each);
        return measure_preferences(log_probs, reference, loss);
    }
};

}  // namespace detail

/// The log-probability, in nats, of every sequence's tokens that count, summed, [B]; see `sequence_losses`. What a
/// reference has to say of a batch of pairs.
template <Device D, Communicator World, class Model, class From>
std::vector<double> sequence_log_probs(D& device, World& world, const Model& model, From&& weights,
                                       const Batch& batch, Index micro_batch = 0) {
    std::vector<double> result = sequence_losses(device, world, model, weights, batch, micro_batch);
    for (double& each : result) each = -each;
    return result;
}

/// One optimizer step on preferences. Sequence 2i of the batch is the chosen reply of pair i behind its prompt,
/// sequence 2i + 1 the rejected one; the tokens of the replies count. `reference`: the log-probabilities of the
/// sequences by the frozen model, [B] (`sequence_log_probs` with its weights). The loss is the mean over the
/// pairs; micro-batches hold whole pairs, so memory is that of two sequences and of all their logits at least.
///
/// Bits and errors as with `train_step`; Error(value) too for options of the loss, lanes or micro-batches that
/// part a pair, and a reference that is not finite. `options.mean` is not looked at.
template <Device D, Communicator World, class Model, class Optimizer>
PreferenceRecord preference_step(D& device, World& world, const Model& model, TrainState<D>& state,
                                 const Batch& batch, std::span<const double> reference, const PreferenceLoss& loss,
                                 const Optimizer& optimizer, double rate, const StepOptions& options = {}) {
    loss.check();
    check_batch(batch, model.vocabulary());
    detail::check_pairs("preference_step", batch, reference);
    return detail::take_step(device, world, model, state, batch, optimizer, rate, options,
                             detail::PreferenceObjective{reference, loss}, "preference_step");
}

/// What `preference_step` would record, without gradients: of pairs held out. All ranks call it.
template <Device D, Communicator World, class Model>
PreferenceRecord preference_scores(D& device, World& world, const Model& model, TrainState<D>& state,
                                   const Batch& batch, std::span<const double> reference,
                                   const PreferenceLoss& loss, Index micro_batch = 0) {
    loss.check();
    detail::check_pairs("preference_scores", batch, reference);
    PreferenceRecord record =
        measure_preferences(sequence_log_probs(device, world, model, state, batch, micro_batch), reference, loss);
    record.step = state.step;
    record.tokens = batch.batch * batch.context;
    return record;
}

}  // namespace lapidary
