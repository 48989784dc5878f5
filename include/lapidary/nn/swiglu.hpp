#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/nn/linear.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/nn/residual.hpp>
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
        Recompute recompute = Recompute::nothing;
    };

    /// Saves 2F elements a token, nothing from Recompute::mlp on; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;   // [B, T, C]
        View<T, 3> gate_up;  // [B, T, 2F]; empty: computed again
    };

    SwiGlu(ParameterLayout& layout, const std::string& name, const Options& options)
        : keeps_product_(options.recompute < Recompute::mlp),
          gate_up_(layout, name + ".gate_up",
                   {check(options).width, 2 * options.inner, options.bias, options.initial}),
          down_(layout, name + ".down", {options.inner, options.width, options.bias, options.output_initial}) {}

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        save(device, x, saved);
        ScratchScope scope(device.scratch());
        down_.forward(device, weights, activate(device, product(device, weights, saved)), y);
    }

    /// y = addend + what `forward` makes of x; y may be x.
    template <Device D>
    void forward_add(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                     ConstView<Scalar<D>, 3> addend, View<Scalar<D>, 3> y, Saved<Scalar<D>>& saved) const {
        save(device, x, saved);
        ScratchScope scope(device.scratch());
        down_.forward_add(device, weights, activate(device, product(device, weights, saved)), addend, y);
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto gate_up = keeps_product_ ? saved.gate_up : product(device, weights, saved);
        const auto activated = activate(device, gate_up);  // cheaper to compute again than to keep
        const auto d = activated;                          // its gradient takes its place
        down_.backward(device, weights, activated, dy, d, gradients, Store::assign);
        const auto dgate_up = scratch(device, gate_up.shape);
        swiglu_gradient(device, gate_up.rows(), d.rows(), dgate_up.rows());
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

    // Room for what is kept.
    template <Device D>
    void save(D& device, ConstView<Scalar<D>, 3> x, Saved<Scalar<D>>& saved) const {
        saved.x = x;
        if (keeps_product_) saved.gate_up = room(device, x, gate_up_.outputs());
    }

    // The first product, where it is kept, else in scratch.
    template <Device D>
    View<Scalar<D>, 3> product(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved) const {
        const auto gate_up = keeps_product_ ? saved.gate_up : room(device, saved.x, gate_up_.outputs());
        gate_up_.forward(device, weights, saved.x, gate_up);
        return gate_up;
    }

    template <Device D>
    View<Scalar<D>, 3> activate(D& device, ConstView<Scalar<D>, 3> gate_up) const {
        const auto activated = room(device, gate_up, down_.inputs());
        swiglu(device, gate_up.rows(), activated.rows());
        return activated;
    }

    template <Device D>
    View<Scalar<D>, 3> room(D& device, ConstView<Scalar<D>, 3> tokens, Index columns) const {
        return scratch(device, Shape<3>{tokens.extent(0), tokens.extent(1), columns});
    }

    bool keeps_product_;
    Linear gate_up_;
    Linear down_;
};
static_assert(Layer<SwiGlu> && HasForwardAdd<SwiGlu>);

}  // namespace lapidary
