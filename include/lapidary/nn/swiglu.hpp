#pragma once

#include <lapidary/nn/check_options.hpp>
#include <lapidary/nn/layer.hpp>
#include <lapidary/ops/elementwise.hpp>
#include <lapidary/ops/matmul.hpp>
#include <lapidary/ops/swiglu.hpp>

namespace lapidary {

/// The gated feed-forward layer of LLaMA: y = (silu(x Wg^T) * (x Wu^T)) Wd^T.
/// Parameters: `<name>.gate_up` [2F, C] (the gate's rows first: one product computes both), `<name>.down` [C, F].
class SwiGlu {
public:
    struct Options {
        Index width = 0;
        Index inner = 0;
        double deviation = 0.02;  ///< standard deviation of the initial weights
    };

    /// Saves 2F elements a token; keeps a view of its input.
    template <class T>
    struct Saved {
        ConstView<T, 3> x;   // [B, T, C]
        View<T, 3> gate_up;  // [B, T, 2F]
    };

    SwiGlu(ParameterLayout& layout, const std::string& name, const Options& options)
        : inner_(check(options).inner),
          gate_up_(layout.add(name + ".gate_up", Shape<2>{2 * options.inner, options.width}, Role::matrix,
                              Initializer::normal(options.deviation))),
          down_(layout.add(name + ".down", Shape<2>{options.width, options.inner}, Role::matrix,
                           Initializer::normal(options.deviation))) {}

    /// x, y: [B, T, C].
    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        saved.x = x;
        saved.gate_up = scratch(device, Shape<3>{x.extent(0), x.extent(1), 2 * inner_});
        matmul(device, x.rows(), weights[gate_up_], saved.gate_up.rows());
        ScratchScope scope(device.scratch());
        const auto activated = activate(device, saved);
        matmul(device, activated.rows(), weights[down_], y.rows());
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Scalar<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto activated = activate(device, saved);  // cheaper to compute again than to keep
        matmul_weight_gradient(device, dy, activated, gradients[down_]);
        const auto dactivated = activated;  // its value is no longer needed
        matmul_input_gradient(device, dy.rows(), weights[down_], dactivated.rows());
        const auto dgate_up = scratch(device, saved.gate_up.shape);
        swiglu_gradient(device, saved.gate_up.rows(), dactivated.rows(), dgate_up.rows());
        matmul_weight_gradient(device, dgate_up, saved.x, gradients[gate_up_]);
        matmul_input_gradient(device, dgate_up.rows(), weights[gate_up_], dx.rows(), Store::add);
    }

private:
    static const Options& check(const Options& options) {
        detail::require_extent("swiglu", "width", options.width);
        detail::require_extent("swiglu", "inner", options.inner);
        detail::require_deviation("swiglu", "deviation", options.deviation);
        return options;
    }

    template <Device D>
    View<Scalar<D>, 3> activate(D& device, const Saved<Scalar<D>>& saved) const {
        const auto activated = scratch(device, Shape<3>{saved.x.extent(0), saved.x.extent(1), inner_});
        swiglu(device, saved.gate_up.rows(), activated.rows());
        return activated;
    }

    Index inner_;
    Slot<2> gate_up_;
    Slot<2> down_;
};
static_assert(Layer<SwiGlu>);

}  // namespace lapidary
