#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/nn/linear.hpp>
#include <lapidary/nn/recompute.hpp>
#include <lapidary/nn/residual.hpp>
#include <lapidary/ops/gelu.hpp>

namespace lapidary {

/// The feed-forward layer of GPT: y = gelu(x Wu^T + bu) Wd^T + bd. Parameters: `<name>.up` [F, C], `<name>.down`
/// [C, F] and, if wanted, their biases.
class GeluMlp {
public:
    struct Options {
        Index width = 0;
        Index inner = 0;
        Gelu form = Gelu::erf;
        bool bias = true;
        Initializer initial = Initializer::normal(0.02);
        Initializer output_initial = Initializer::normal(0.02);
        Recompute recompute = Recompute::nothing;
    };

    /// Saves F elements a token, nothing from Recompute::mlp on; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;  // [B, T, C]
        View<T, 3> hidden;  // [B, T, F], before the activation; empty: computed again
    };

    GeluMlp(ParameterLayout& layout, const std::string& name, const Options& options)
        : form_(check(options).form),
          keeps_product_(options.recompute < Recompute::mlp),
          up_(layout, name + ".up", {options.width, options.inner, options.bias, options.initial}),
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
        const auto hidden = keeps_product_ ? saved.hidden : product(device, weights, saved);
        const auto activated = activate(device, hidden);  // cheaper to compute again than to keep
        const auto d = activated;                         // its gradient takes its place
        down_.backward(device, weights, activated, dy, d, gradients, Store::assign);
        gelu_gradient(device, hidden.flat(), form_, d.flat(), d.flat());
        up_.backward(device, weights, saved.x, d, dx, gradients, Store::add);
    }

private:
    static const Options& check(const Options& options) {
        detail::require_extent("gelu_mlp", "width", options.width);
        detail::require_extent("gelu_mlp", "inner", options.inner);
        detail::require_initializer("gelu_mlp", "initial", options.initial);
        detail::require_initializer("gelu_mlp", "output_initial", options.output_initial);
        return options;
    }

    // Room for what is kept.
    template <Device D>
    void save(D& device, ConstView<Scalar<D>, 3> x, Saved<Scalar<D>>& saved) const {
        saved.x = x;
        if (keeps_product_) saved.hidden = room(device, x);
    }

    // The first product, where it is kept, else in scratch.
    template <Device D>
    View<Scalar<D>, 3> product(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved) const {
        const auto hidden = keeps_product_ ? saved.hidden : room(device, saved.x);
        up_.forward(device, weights, saved.x, hidden);
        return hidden;
    }

    template <Device D>
    View<Scalar<D>, 3> activate(D& device, ConstView<Scalar<D>, 3> hidden) const {
        const auto activated = scratch(device, hidden.shape);
        gelu(device, hidden.flat(), form_, activated.flat());
        return activated;
    }

    template <Device D>
    View<Scalar<D>, 3> room(D& device, ConstView<Scalar<D>, 3> tokens) const {
        return scratch(device, Shape<3>{tokens.extent(0), tokens.extent(1), up_.outputs()});
    }

    Gelu form_;
    bool keeps_product_;
    Linear up_;
    Linear down_;
};
static_assert(Layer<GeluMlp> && HasForwardAdd<GeluMlp>);

}  // namespace lapidary
