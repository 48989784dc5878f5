#pragma once

#include <lapidary/core/parameters.hpp>
#include <lapidary/data/batch.hpp>
#include <lapidary/train/check_batch.hpp>
#include <lapidary/train/gathered_weights.hpp>
#include <lapidary/train/loss_mean.hpp>
#include <lapidary/train/sequence_batch.hpp>

#include <algorithm>
#include <span>
#include <vector>

namespace lapidary {

namespace detail {

/// The summed cross entropy of sequences [first, first + count) of a batch, each; `micro_batch` at once, 0: all.
template <Device D, class Model>
std::vector<double> sequence_losses(D& device, const Model& model, Weights<Scalar<D>> weights, const Batch& batch,
                                    Index first, Index count, Index micro_batch) {
    std::vector<double> losses(static_cast<std::size_t>(count));
    const Index most = micro_batch > 0 ? micro_batch : count;
    for (Index i = 0; i < count; i += most) {
        ScratchScope scope(device.scratch());
        const Index here = std::min(most, count - i);
        const SequenceBatch<D> tokens(device, batch.view().slice(first + i, here),
                                      batch.mask_view().slice(first + i, here),
                                      batch.starts_view().slice(first + i, here));
        model.loss(device, weights, tokens.inputs, tokens.targets,
                   std::span(losses).subspan(static_cast<std::size_t>(i), static_cast<std::size_t>(here)));
    }
    return losses;
}

}  // namespace detail

/// The summed cross entropy of every sequence of a batch, [B], shared out over the ranks, which all call it and
/// all get all; the same bits for any number of them, on a GPU only where `micro_batch` divides every rank's
/// share. `weights`: the same on all ranks, or gathered from them. `micro_batch`: sequences that a rank has in
/// flight at once, which changes memory; 0: its share.
template <Device D, Communicator World, class Model>
std::vector<double> sequence_losses(D& device, World& world, const Model& model,
                                    std::type_identity_t<Weights<Scalar<D>>> weights, const Batch& batch,
                                    Index micro_batch = 0) {
    check_batch(batch, model.vocabulary());
    // All ranks compute as many sequences, because they may gather weights together; where the batch does not go
    // round, the last ones compute some that others have.
    const Index share = ceil_div(batch.batch, Index{world.size()});
    const Index first = std::min(world.rank() * share, batch.batch - share);
    const std::vector<double> own =
        detail::sequence_losses(device, model, weights, batch, first, share, micro_batch);
    const std::vector<double> all = gather(device, world, std::span<const double>(own), "gather of losses");
    std::vector<double> losses;
    for (Index b = 0; b < batch.batch; ++b) {
        const Index rank = b / share, begin = std::min(rank * share, batch.batch - share);
        losses.push_back(all[static_cast<std::size_t>(rank * share + b - begin)]);
    }
    return losses;
}

/// The same of a state's weights.
template <Device D, Communicator World, class Model>
std::vector<double> sequence_losses(D& device, World& world, const Model& model, TrainState<D>& state,
                                    const Batch& batch, Index micro_batch = 0) {
    detail::require_ranks("sequence_losses", state, world);
    GatheredWeights<D, World> weights(device, world, state);
    return sequence_losses(device, world, model, Weights<Scalar<D>>(weights), batch, micro_batch);
}

/// Cross entropy in nats summed over the positions that count and divided by all of a batch, without gradients.
template <Device D, class Model>
double mean_loss(D& device, const Model& model, std::type_identity_t<Weights<Scalar<D>>> weights,
                 const Batch& batch) {
    check_batch(batch, model.vocabulary());
    double total = 0;
    for (double loss : detail::sequence_losses(device, model, weights, batch, 0, batch.batch, 0)) total += loss;
    return total / static_cast<double>(batch.batch * batch.context);
}

/// The same of a state's weights, shared out over the ranks as `sequence_losses` does, and divided as `mean` says.
template <Device D, Communicator World, class Model>
double mean_loss(D& device, World& world, const Model& model, TrainState<D>& state, const Batch& batch,
                 Index micro_batch = 0, LossMean mean = LossMean::positions) {
    double total = 0;
    for (const double loss : sequence_losses(device, world, model, state, batch, micro_batch)) total += loss;
    return total / loss_divisor(batch, mean, "mean_loss");
}

/// The same over every held-out window of a prepared directory (`TokenChunks`); NaN if nothing is held out.
template <Device D, Communicator World, class Model, class Chunks>
double validation_loss(D& device, World& world, const Model& model, TrainState<D>& state, const Chunks& chunks,
                       Index batch_size, Index micro_batch = 0) {
    double total = 0;
    for (Index i = 0; i * batch_size < chunks.validation_windows(); ++i) {
        const Batch batch = chunks.validation_batch(i, batch_size);
        total += mean_loss(device, world, model, state, batch, micro_batch) * static_cast<double>(batch.batch);
    }
    return total / static_cast<double>(chunks.validation_windows());
}

}  // namespace lapidary
