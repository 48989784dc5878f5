#pragma once

#include <lapidary/data/batch.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/train/sequence_batch.hpp>

#include <vector>

namespace lapidary {

/// Cross entropy in nats summed over the positions that count and divided by all of a batch, without gradients.
template <Device D, class Model>
double mean_loss(D& device, const Model& model, std::type_identity_t<Weights<Scalar<D>>> weights, const Batch& batch) {
    check_tokens(batch.view(), model.vocabulary());
    ScratchScope scope(device.scratch());
    const SequenceBatch<D> tokens(device, batch.view(), batch.mask_view());
    std::vector<double> losses(static_cast<std::size_t>(batch.batch));
    model.loss(device, weights, tokens.inputs, tokens.targets, losses);
    double total = 0;
    for (double loss : losses) total += loss;
    return total / static_cast<double>(batch.batch * batch.context);
}

/// The same over every held-out window of a prepared directory (`TokenChunks`); NaN if nothing is held out.
template <Device D, class Model, class Chunks>
double validation_loss(D& device, const Model& model, std::type_identity_t<Weights<Scalar<D>>> weights,
                       const Chunks& chunks, Index batch_size) {
    double total = 0;
    for (Index i = 0; i * batch_size < chunks.validation_windows(); ++i) {
        const Batch batch = chunks.validation_batch(i, batch_size);
        total += mean_loss(device, model, weights, batch) * static_cast<double>(batch.batch);
    }
    return total / static_cast<double>(chunks.validation_windows());
}

}  // namespace lapidary
