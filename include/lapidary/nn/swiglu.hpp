#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/nn/linear.hpp>
#include <lapidary/ops/swiglu.hpp>

namespace lapidary {

/// The gated feed-forward layer of LLaMA: y = (silu(x Wg^T) * (x Wu^T)) Wd^T, each product plus its bias where
/// wanted. Parameters: `<name>.gate_up` [2F, C] (the gate's rows first: one product computes both), `<name>.down`
/// [C, F] and their biases.
class SwiGlu {
public:
    struct Options {
        Index width = 0;
        Index inner = 0;
        bool bias = false;
        Initializer initial = Initializer::normal(0.02);
        Initializer output_initial = Initializer::normal(0.02);
    };

    /// Saves 2F elements a token; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;   // [B, T, C]
        View<T, 3> gate_up;  // [B, T, 2F]
    };

    SwiGlu(ParameterLayout& layout, const std::string& name, const Options& options)
        : gate_up_(layout, name + ".gate_up",
                   {check(options).width, 2 * options.inner, options.bias, options.initial}),
          down_(layout, name + ".down", {options.inner, options.width, options.bias, options.output_initial}) {}

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        saved.x = x;
        saved.gate_up = scratch(device, Shape<3>{x.extent(0), x.extent(1), gate_up_.outputs()});
        gate_up_.forward(device, weights, x, saved.gate_up);
        ScratchScope scope(device.scratch());
        down_.forward(device, weights, activate(device, saved), y);
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto activated = activate(device, saved);  // cheaper to compute again than to keep
        const auto d = activated;                        // its gradient takes its place
        down_.backward(device, weights, activated, dy, d, gradients, Store::assign);
        const auto dgate_up = scratch(device, saved.gate_up.shape);
        swiglu_gradient(device, saved.gate_up.rows(), d.rows(), dgate_up.rows());
        gate_up_.backward(device, weights, saved.x, dgate_up, dx, gradients, Store::add);
    }

private:
    static const Options& check(const Options& options) {
        detail::require_extent("swiglu", "width", options.width);
        detail::require_extent("swiglu", "inner", options.inner);
        detail::require_initializer("swiglu", "initial", options.initial);
        detail::require_initializer("swiglu", "output_initial", options.output_initial);
        return options;
    }

    template <Device D>
    View<Scalar<D>, 3> activate(D& device, const Saved<Scalar<D>>& saved) const {
        const auto activated = scratch(device, Shape<3>{saved.x.extent(0), saved.x.extent(1), down_.inputs()});
        swiglu(device, saved.gate_up.rows(), activated.rows());
        return activated;
    }

    Linear gate_up_;
    Linear down_;
};
static_assert(Layer<SwiGlu>);

}  // namespace lapidary
