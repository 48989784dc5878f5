#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/low_rank.hpp>
#include <lapidary/ops/bias.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/matmul.hpp>

#include <string>

namespace lapidary {

/// y = x w^T, and + b where there is a bias: what layers are made of. It saves nothing, so it is not a layer
/// itself: who uses it keeps x. Parameters: `<name>` [outputs, inputs], `<name>.bias` [outputs], and those of an
/// adapter (`LowRank`) where the layout's plan wants one.
class Linear {
public:
    struct Options {
        Index inputs = 0;
        Index outputs = 0;
        bool bias = false;  ///< starts at zero
        Initializer initial = Initializer::normal(0.02);
    };

    Linear(ParameterLayout& layout, const std::string& name, const Options& options)
        : matrix_(layout.add(name, Shape<2>{options.outputs, options.inputs}, Role::matrix, options.initial)),
          adapter_(layout, name, options.inputs, options.outputs) {
        if (options.bias) {
            bias_ = layout.add(name + ".bias", Shape<1>{options.outputs}, Role::bias, Initializer::constant(0));
        }
    }

    [[nodiscard]] Index inputs() const { return matrix_.shape[1]; }
    [[nodiscard]] Index outputs() const { return matrix_.shape[0]; }

    /// x: [B, T, inputs]; y: [B, T, outputs].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y) const {
        matmul(device, x.rows(), weights[matrix_], y.rows());
        if (bias_.shape[0] > 0) add_bias(device, weights[bias_], y.rows());
        if (adapter_.used(weights)) adapter_.forward(device, weights, x.rows(), y.rows());
    }

    /// y = addend + what `forward` makes of x: one operation where there is no bias. addend: [B, T, outputs], not
    /// y.
    template <Device D>
    void forward_add(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                     ConstView<Scalar<D>, 3> addend, View<Scalar<D>, 3> y) const {
        if (bias_.shape[0] == 0) {
            matmul_add(device, x.rows(), weights[matrix_], addend.rows(), y.rows());
            if (adapter_.used(weights)) adapter_.forward(device, weights, x.rows(), y.rows());
            return;
        }
        forward(device, weights, x, y);
        add(device, addend.flat(), y.flat(), y.flat());
    }

    /// Adds to the gradients; dx receives (Store::add: is added to) the gradient of x. With Store::assign, dx may
    /// be x, which is then no longer needed.
    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients, Store store) const {
        ScratchScope scope(device.scratch());
        View<Scalar<D>, 3> adapted;
        if (adapter_.used(weights)) adapted = adapter_.backward(device, weights, x, dy, gradients);
        if (!gradients.frozen()) {
            matmul_weight_gradient(device, dy, x, gradients[matrix_]);
            if (bias_.shape[0] > 0) bias_gradient(device, dy, gradients[bias_]);
        }
        matmul_input_gradient(device, dy.rows(), weights[matrix_], dx.rows(), store);
        if (!adapted.empty()) adapter_.input_gradient(device, weights, adapted, dx.rows());
    }

private:
    Slot<2> matrix_;
    Slot<1> bias_;  // of no elements: none
    LowRank adapter_;
};

}  // namespace lapidary
