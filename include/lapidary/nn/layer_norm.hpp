#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/frozen.hpp>
#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/layer_norm.hpp>

namespace lapidary {

/// Layer norm with a learned gain that starts at one and, unless told otherwise, a bias that starts at zero.
/// Parameters: `<name>.gain` [C], `<name>.bias` [C].
class LayerNorm {
public:
    struct Options {
        Index width = 0;
        double epsilon = 1e-5;
        bool bias = true;
    };

    /// Saves 2 B * T scalars; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;  // [B, T, C]
        RowStatistics<Wide<T>> rows;
    };

    LayerNorm(ParameterLayout& layout, const std::string& name, const Options& options)
        : epsilon_(check(options).epsilon),
          gain_(layout.add(name + ".gain", Shape<1>{options.width}, Role::norm, Initializer::constant(1.0))) {
        if (options.bias) {
            bias_ = layout.add(name + ".bias", Shape<1>{options.width}, Role::norm, Initializer::constant(0.0));
        }
    }

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        const Shape<1> tokens{x.extent(0) * x.extent(1)};
        saved.x = x;
        saved.rows.mean = accumulator_scratch(device, tokens);
        saved.rows.inverse_deviation = accumulator_scratch(device, tokens);
        layer_norm(device, x.rows(), weights[gain_], weights[bias_], epsilon_, y.rows(), saved.rows);
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        layer_norm_gradient(device, saved.x, weights[gain_], saved.rows, dy, dx,
                            gradient_of(device, gradients, gain_), gradient_of(device, gradients, bias_));
    }

private:
    static const Options& check(const Options& options) {
        detail::require_extent("layer_norm", "width", options.width);
        detail::require_epsilon("layer_norm", "epsilon", options.epsilon);
        return options;
    }

    double epsilon_;
    Slot<1> gain_;
    Slot<1> bias_;  // of no elements: none
};
static_assert(Layer<LayerNorm>);

}  // namespace lapidary
