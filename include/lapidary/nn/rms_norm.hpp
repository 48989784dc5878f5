#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/frozen.hpp>
#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/rms_norm.hpp>

namespace lapidary {

/// Root mean square norm with a learned gain that starts at one. Parameters: `<name>.gain` [C].
class RmsNorm {
public:
    struct Options {
        Index width = 0;
        double epsilon = 1e-6;
    };

    /// Saves B * T scalars; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;             // [B, T, C]
        View<Wide<T>, 1> inverse_rms;  // [B * T]
    };

    RmsNorm(ParameterLayout& layout, const std::string& name, const Options& options)
        : epsilon_(check(options).epsilon),
          gain_(layout.add(name + ".gain", Shape<1>{options.width}, Role::norm, Initializer::constant(1.0))) {}

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        saved.x = x;
        saved.inverse_rms = accumulator_scratch(device, Shape<1>{x.extent(0) * x.extent(1)});
        rms_norm(device, x.rows(), weights[gain_], epsilon_, y.rows(), saved.inverse_rms);
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        rms_norm_gradient(device, saved.x, weights[gain_], saved.inverse_rms, dy, dx,
                          gradient_of(device, gradients, gain_));
    }

private:
    static const Options& check(const Options& options) {
        detail::require_extent("rms_norm", "width", options.width);
        detail::require_epsilon("rms_norm", "epsilon", options.epsilon);
        return options;
    }

    double epsilon_;
    Slot<1> gain_;
};
static_assert(Layer<RmsNorm>);

}  // namespace lapidary
