#pragma once

#include "catch.hpp"
#include "support/arrays.hpp"

#include <lapidary/core/tensor.hpp>
#include <lapidary/nn/initialize.hpp>
#include <lapidary/nn/sequences.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lapidary::test {

/// Windows of documents: tokens and targets [B, T], and the lengths of the documents of each.
struct PackedWindows {
    std::vector<std::int32_t> tokens, targets, starts;
    std::vector<std::vector<Index>> lengths;
    Index time = 0;

    PackedWindows(Index vocabulary, std::vector<std::vector<Index>> documents) : lengths(std::move(documents)) {
        std::int32_t next = 3;
        for (const std::vector<Index>& window : lengths) {
            time = 0;
            for (const Index length : window) {
                for (Index i = 0; i < length; ++i) {
                    next = static_cast<std::int32_t>((next * 13 + i + 1) % vocabulary);
                    tokens.push_back(next);
                    targets.push_back(i % 7 == 5 ? -1 : static_cast<std::int32_t>((next * 5 + 2) % vocabulary));
                    starts.push_back(static_cast<std::int32_t>(time));
                }
                time += length;
            }
        }
    }
    [[nodiscard]] Index batch() const { return static_cast<Index>(lengths.size()); }
};

/// Losses of tokens and gradients.
struct Learnt {
    Values losses, gradients;
};

/// What a model learns of windows with documents, of the same as if they were one (`together`), or of each
/// document as a sequence of its own.
enum class Learn { documents, together, alone };

template <class D, class Model>
Learnt learn(D& device, const Model& model, const PackedWindows& windows, Learn how) {
    using T = Scalar<D>;
    Tensor<T, 1, D> weights(device, {model.layout().size()});
    Tensor<Accumulator<D>, 1, D> gradients(device, {model.layout().size()});
    initialize(device, model.layout(), weights.view(), {.seed = 5});
    assign(device, weights.view(), [&] {  // away from the linear range
        Values values = read(weights.view());
        const Values noise = Values::normal(weights.view().size(), 4, 0.1);
        for (std::size_t i = 0; i < noise.data.size(); ++i) values.data[i] = 3 * values.data[i] + noise.data[i];
        return values;
    }());
    const auto place = [&](const std::vector<std::int32_t>& ids, Index first, Shape<2> shape) {
        const auto view = device.scratch().template allocate<std::int32_t, 2>(shape);
        device.upload(ids.data() + first, view.data,
                      static_cast<std::size_t>(element_count(shape)) * sizeof(std::int32_t));
        return view;
    };
    Learnt learnt;
    const auto run = [&](Index first, Shape<2> shape) {
        ScratchScope scope(device.scratch());
        Sequences inputs(place(windows.tokens, first, shape));
        if (how == Learn::documents) inputs.starts = place(windows.starts, first, shape);
        const auto losses = accumulator_scratch(device, shape);
        const ConstView<std::int32_t, 2> targets = place(windows.targets, first, shape);
        model.loss_and_gradients(device, Weights<T>(weights.view()), inputs, targets, 0.01, losses,
                                 Gradients<Accumulator<D>>(gradients.view()));
        const Values values = read(losses);
        learnt.losses.data.insert(learnt.losses.data.end(), values.data.begin(), values.data.end());
        model.loss(device, Weights<T>(weights.view()), inputs, targets, losses);
        CHECK(read(losses).data == values.data);
    };
    if (how != Learn::alone) {
        run(0, {windows.batch(), windows.time});
    } else {
        Index first = 0;
        for (const std::vector<Index>& window : windows.lengths) {
            for (const Index length : window) {
                run(first, {1, length});
                first += length;
            }
        }
    }
    learnt.gradients = read(gradients.view());
    return learnt;
}

/// Documents that are kept apart are learnt as sequences of their own are.
template <class D, class Model>
void check_documents_alone(D& device, const Model& model, const PackedWindows& windows, double tolerance) {
    const Learnt packed = learn(device, model, windows, Learn::documents),
                 alone = learn(device, model, windows, Learn::alone),
                 together = learn(device, model, windows, Learn::together);
    CHECK(relative_error(packed.losses, alone.losses) < tolerance);
    CHECK(relative_error(packed.gradients, alone.gradients) < tolerance);
    CHECK(relative_error(together.losses, alone.losses) > 1e-3);
    CHECK(relative_error(together.gradients, alone.gradients) > 1e-3);
}

}  // namespace lapidary::test
