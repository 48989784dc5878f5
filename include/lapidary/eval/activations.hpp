#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>
#include <lapidary/nn/sequences.hpp>

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace lapidary {

/// Mean absolute values of what a model computes for some tokens: of the embedding, of the residual stream behind
/// each block, and of the logits last. sequences: [B, T], on the device.
///
/// In a model of any width that learns as the maximal update parametrisation says, they stay of one size as
/// training goes on; if they grow or shrink with the width, a multiplier, a rate or an initial deviation is not as
/// it should be.
template <Device D, class Model>
std::vector<double> mean_activations(D& device, const Model& model,
                                     std::type_identity_t<Weights<Scalar<D>>> weights,
                                     const Sequences& sequences) {
    std::vector<double> means;
    std::vector<Scalar<D>> host;
    const auto add = [&](Index, ConstView<Scalar<D>, 3> x) {
        host.resize(static_cast<std::size_t>(x.size()));
        device.download(x.data, host.data(), host.size() * sizeof(Scalar<D>));
        double total = 0;
        for (const Scalar<D> value : host) total += std::abs(static_cast<double>(value));
        means.push_back(total / static_cast<double>(host.size()));
    };
    model.visit_states(device, weights, sequences, add);
    ScratchScope scope(device.scratch());
    const auto logits =
        scratch(device, Shape<3>{sequences.ids.extent(0), sequences.ids.extent(1), model.vocabulary()});
    model.logits(device, weights, sequences, logits);
    add(0, logits);
    return means;
}

}  // namespace lapidary
