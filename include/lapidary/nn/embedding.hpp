#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/embedding.hpp>

namespace lapidary {

/// Token ids to vectors. Parameters: `<name>` [V, C].
///
/// A frozen row (AMBER: row 0, the unknown token's) starts at zero and never receives gradient, not from a head
/// that shares the matrix either. The vectors may be multiplied by a constant (muP).
class Embedding {
public:
    struct Options {
        Index vocabulary = 0;
        Index width = 0;
        Index frozen_row = -1;  ///< -1: none
        double multiplier = 1.0;
        Initializer initial = Initializer::normal(0.02);  ///< of all rows but the frozen one
    };

    Embedding(ParameterLayout& layout, const std::string& name, const Options& options)
        : frozen_row_(check(options).frozen_row),
          multiplier_(options.multiplier),
          table_(layout.add(name, Shape<2>{options.vocabulary, options.width}, Role::embedding,
                            {options.initial.kind, options.initial.value, options.frozen_row})) {}

    /// ids: [B, T]; y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<std::int32_t, 2> ids,
                 View<Scalar<D>, 3> y) const {
        embedding(device, weights[table_], ids.flat(), y.rows());
        if (multiplier_ != 1) scale(device, y.flat(), multiplier_);
    }

    /// Adds to the table's gradient. `dy` is used up: it may hold other numbers afterwards.
    template <Device D>
    void backward(D& device, ConstView<std::int32_t, 2> ids, View<Scalar<D>, 3> dy,
                  Gradients<Accumulator<D>> gradients) const {
        if (gradients.frozen()) return;
        if (multiplier_ != 1) scale(device, dy.flat(), multiplier_);
        embedding_gradient(device, ids.flat(), dy.rows(), gradients[table_], frozen_row_);
    }

    [[nodiscard]] const Slot<2>& table() const { return table_; }

private:
    static const Options& check(const Options& options) {
        detail::require_extent("embedding", "vocabulary", options.vocabulary);
        detail::require_extent("embedding", "width", options.width);
        detail::require_option(options.frozen_row >= -1 && options.frozen_row < options.vocabulary, "embedding",
                               "frozen_row", options.frozen_row, "be -1 or a row of the vocabulary");
        detail::require_scale("embedding", "multiplier", options.multiplier);
        detail::require_initializer("embedding", "initial", options.initial);
        return options;
    }

    Index frozen_row_;
    double multiplier_;
    Slot<2> table_;
};

}  // namespace lapidary
