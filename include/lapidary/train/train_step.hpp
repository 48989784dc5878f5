#pragma once

#include <lapidary/train/take_step.hpp>

#include <cstdint>
#include <vector>

namespace lapidary {

namespace detail {

/// The cross entropy of tokens.
struct TokenObjective {
    using Record = StepRecord;
    double divisor;  ///< of the sum of losses
    bool fixed;      ///< the divisor is that of all steps

    /// Whether a device may record the work and repeat it.
    [[nodiscard]] bool repeats() const { return fixed; }
    /// What ranks must agree on besides the batch.
    [[nodiscard]] std::uint64_t hash() const { return 0; }
    static const char* what_else() { return ""; }
    void check(const LaneShare&, Index) const {}
    template <Device D, class Model>
    void differentiate(D& device, const Model& model, Weights<Scalar<D>> weights, const SequenceBatch<D>& part,
                       Index, View<Accumulator<D>, 2> losses, Gradients<Accumulator<D>> gradients) const {
        model.loss_and_gradients(device, weights, part.inputs, part.targets, 1.0 / divisor, losses, gradients);
    }
    [[nodiscard]] StepRecord measure(const std::vector<double>& losses, const LaneShare& lanes) const {
        return {.loss = lanes.sum_of_sequences(losses) / divisor};
    }
};

}  // namespace detail

/// One optimizer step: loss and gradients of a batch of B sequences, clipping, update. Every rank calls it with
/// the whole batch and works on its share.
///
/// The loss is the cross entropy summed over the positions that count and divided as `options.mean` says. The
/// result depends on the batch, the state, the optimizer, the rate and `lanes`; neither on threads, nor on ranks
/// and how the state is sharded among them, nor, but on a GPU, on `micro_batch`. A step that `accept` refuses
/// counts, but leaves weights and moments as they were. Throws Error(not_finite), on all ranks and with the state
/// as it was, if the loss or the gradient norm is not finite and nothing is to `accept` it; Error(value) for a
/// token outside the vocabulary, for lanes that fit neither batch nor ranks, for a state made for other ranks than
/// there are, for ranks that were given different batches, and for a mean over what counts where nothing does;
/// Error(shape) for a batch whose sizes do not fit; Error(lost_rank).
template <Device D, Communicator World, class Model, class Optimizer>
StepRecord train_step(D& device, World& world, const Model& model, TrainState<D>& state, const Batch& batch,
                      const Optimizer& optimizer, double rate, const StepOptions& options = {}) {
    check_batch(batch, model.vocabulary());
    const detail::TokenObjective objective{loss_divisor(batch, options.mean), options.mean == LossMean::positions};
    return detail::take_step(device, world, model, state, batch, optimizer, rate, options, objective,
                             "train_step");
}

}  // namespace lapidary
