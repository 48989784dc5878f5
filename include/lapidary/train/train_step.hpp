#pragma once

#include <lapidary/comm/communicator.hpp>
#include <lapidary/data/batch.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/optim/clip.hpp>
#include <lapidary/train/record.hpp>
#include <lapidary/train/sequence_batch.hpp>
#include <lapidary/optim/train_state.hpp>

#include <bit>
#include <chrono>
#include <cmath>
#include <vector>

namespace lapidary {

/// How a step's batch is worked through.
struct StepOptions {
    Index micro_batch = 0;    ///< sequences in flight at once; 0: a whole lane. Changes memory, never a bit
    Index lanes = 1;          ///< a power of two that divides the batch; a property of the run: it changes bits
    double clip_norm = 1.0;   ///< limit of the global gradient norm; 0: none
};

namespace detail {

/// Sums the gradients of lanes [first, first + count) into `target` along a binary tree and returns the summed loss.
/// Within a lane sequences are added in order. Every level of the tree has one spare buffer.
template <Device D, class Model>
double sum_lanes(D& device, const Model& model, TrainState<D>& state, const Batch& batch, const StepOptions& options,
                 Index first, Index count, View<Scalar<D>, 1> target) {
    const Index lane = batch.batch / options.lanes;
    if (count > 1) {
        const double left = sum_lanes(device, model, state, batch, options, first, count / 2, target);
        auto& spare = state.lane_gradients[static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(count)) - 1)];
        const double right =
            sum_lanes(device, model, state, batch, options, first + count / 2, count / 2, spare.view());
        add(device, target, spare.view(), target);
        return left + right;
    }
    fill(device, target, 0);
    const Index micro_batch = options.micro_batch > 0 ? std::min(options.micro_batch, lane) : lane;
    const double scale = 1.0 / static_cast<double>(batch.batch * batch.context);
    double loss = 0;
    for (Index i = 0; i < lane; i += micro_batch) {
        ScratchScope scope(device.scratch());
        const Index sequences = std::min(micro_batch, lane - i);
        const SequenceBatch<D> part(device, batch.view().slice(first * lane + i, sequences),
                                    batch.mask_view().slice(first * lane + i, sequences));
        std::vector<double> losses(static_cast<std::size_t>(sequences));
        model.loss_and_gradients(device, Weights<Scalar<D>>(state.weights.view()), part.inputs, part.targets, scale, losses,
                                 Gradients<Scalar<D>>(target));
        for (double value : losses) loss += value;
    }
    return loss;
}

template <Device D>
void prepare_lanes(D& device, TrainState<D>& state, const Batch& batch, const StepOptions& options) {
    if (options.lanes < 1 || !std::has_single_bit(static_cast<std::uint64_t>(options.lanes)) ||
        batch.batch % options.lanes != 0) {
        throw Error(ErrorCode::value, "train_step",
                    "lanes must be a power of two that divides the batch: " + std::to_string(options.lanes) +
                        " lanes, batch " + std::to_string(batch.batch));
    }
    while ((Index{1} << state.lane_gradients.size()) < options.lanes) {
        state.lane_gradients.emplace_back(device, Shape<1>{state.weights.size()});
    }
}

}  // namespace detail

/// One optimizer step: loss and gradients of a batch of B sequences, clipping, update.
///
/// The loss is the cross entropy summed over the positions that count and divided by all B * T. The result depends on the batch, the state, the
/// optimizer, the rate and `lanes`; neither on threads nor on `micro_batch`. Throws Error(not_finite), with the state
/// as it was, if the loss or the gradient norm is not finite; Error(value) for a token outside the vocabulary.
template <Device D, Communicator World, class Model, class Optimizer>
StepRecord train_step(D& device, World& world, const Model& model, TrainState<D>& state, const Batch& batch,
                      const Optimizer& optimizer, double rate, const StepOptions& options = {}) {
    const auto start = std::chrono::steady_clock::now();
    if (world.size() != 1) throw Error(ErrorCode::unsupported, "train_step", "the batch is not shared out over ranks");
    check_tokens(batch.view(), model.vocabulary());
    detail::prepare_lanes(device, state, batch, options);

    const double total = detail::sum_lanes(device, model, state, batch, options, 0, options.lanes, state.gradients.view());
    StepRecord record{.step = state.step,
                      .tokens = batch.batch * batch.context,
                      .loss = total / static_cast<double>(batch.batch * batch.context),
                      .learning_rate = rate,
                      .gradient_norm = global_norm<D>(device, state.gradients.view()),
                      .chunk = batch.chunk,
                      .chunk_finished = batch.last_in_chunk};
    if (!std::isfinite(record.loss) || !std::isfinite(record.gradient_norm)) {
        throw Error(ErrorCode::not_finite, "train_step",
                    "step " + std::to_string(state.step) + ": loss " + std::to_string(record.loss) + ", gradient norm " +
                        std::to_string(record.gradient_norm) + "; the weights were left as they were");
    }
    optimizer.update(device, model.layout(), state.weights.view(), state.gradients.view(), state.m.view(),
                     state.v.view(), state.step, rate, clip_factor(record.gradient_norm, options.clip_norm));
    ++state.step;
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return record;
}

}  // namespace lapidary
