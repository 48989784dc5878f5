#pragma once

#include <lapidary/nn/layer.hpp>
#include <lapidary/nn/linear.hpp>
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
    };

    /// Saves F elements a token; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;  // [B, T, C]
        View<T, 3> hidden;  // [B, T, F], before the activation
    };

    GeluMlp(ParameterLayout& layout, const std::string& name, const Options& options)
        : form_(check(options).form),
          up_(layout, name + ".up", {options.width, options.inner, options.bias, options.initial}),
          down_(layout, name + ".down", {options.inner, options.width, options.bias, options.output_initial}) {}

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        saved.x = x;
        saved.hidden = scratch(device, Shape<3>{x.extent(0), x.extent(1), up_.outputs()});
        up_.forward(device, weights, x, saved.hidden);
        ScratchScope scope(device.scratch());
        const auto activated = scratch(device, saved.hidden.shape);
        gelu(device, saved.hidden.flat(), form_, activated.flat());
        down_.forward(device, weights, activated, y);
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto activated = scratch(device, saved.hidden.shape);  // cheaper to compute again than to keep
        gelu(device, saved.hidden.flat(), form_, activated.flat());
        const auto d = activated;  // its gradient takes its place
        down_.backward(device, weights, activated, dy, d, gradients, Store::assign);
        gelu_gradient(device, saved.hidden.flat(), form_, d.flat(), d.flat());
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

    Gelu form_;
    Linear up_;
    Linear down_;
};
static_assert(Layer<GeluMlp>);

}  // namespace lapidary
