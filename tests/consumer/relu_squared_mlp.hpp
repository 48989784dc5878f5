#pragma once

#include <lapidary/cpu.hpp>
#include <lapidary/nn/nn.hpp>

#include <algorithm>
#include <string>

namespace mine {

using namespace lapidary;

// An operation of this program's own: y[i] = max(x[i], 0)^2, and its gradient. On the CPU only.

inline void relu_squared(Cpu& device, ConstView<float, 1> x, View<float, 1> y) {
    device.run_ranges(x.size(), 4096, [&](Index first, Index count, Arena&) {
        for (Index i = first; i < first + count; ++i) y[i] = x[i] > 0 ? x[i] * x[i] : 0;
    });
}

inline void relu_squared_gradient(Cpu& device, ConstView<float, 1> x, ConstView<float, 1> dy, View<float, 1> dx) {
    device.run_ranges(x.size(), 4096, [&](Index first, Index count, Arena&) {
        for (Index i = first; i < first + count; ++i) dx[i] = 2 * std::max(x[i], 0.0F) * dy[i];
    });
}

/// The feed-forward layer of Primer: y = max(x W1^T, 0)^2 W2^T.
class ReluSquaredMlp {
public:
    struct Options {
        Index width = 0;
        Index inner = 0;
    };

    template <class T>
    struct Saved {
        ConstView<T, 3> x;  // [B, T, C]
        View<T, 3> hidden;  // [B, T, F], before the activation
    };

    ReluSquaredMlp(ParameterLayout& layout, const std::string& name, const Options& options)
        : up_(layout.add(name + ".up", Shape<2>{options.inner, options.width}, Role::matrix,
                         Initializer::normal(0.1))),
          down_(layout.add(name + ".down", Shape<2>{options.width, options.inner}, Role::matrix,
                           Initializer::normal(0.1))) {}

    template <Device D>
    void forward(D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x, View<Scalar<D>, 3> y,
                 Saved<Scalar<D>>& saved) const {
        saved.x = x;
        saved.hidden = scratch(device, Shape<3>{x.extent(0), x.extent(1), up_.shape[0]});
        matmul(device, x.rows(), weights[up_], saved.hidden.rows());
        ScratchScope scope(device.scratch());
        const auto activated = scratch(device, saved.hidden.shape);
        relu_squared(device, saved.hidden.flat(), activated.flat());
        matmul(device, activated.rows(), weights[down_], y.rows());
    }

    template <Device D>
    void backward(D& device, Weights<Scalar<D>> weights, const Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy,
                  View<Scalar<D>, 3> dx, Gradients<Accumulator<D>> gradients) const {
        ScratchScope scope(device.scratch());
        const auto activated = scratch(device, saved.hidden.shape), d = scratch(device, saved.hidden.shape);
        relu_squared(device, saved.hidden.flat(), activated.flat());
        if (!gradients.frozen()) matmul_weight_gradient(device, dy, activated, gradients[down_]);
        matmul_input_gradient(device, dy.rows(), weights[down_], d.rows());
        relu_squared_gradient(device, saved.hidden.flat(), d.flat(), d.flat());
        if (!gradients.frozen()) matmul_weight_gradient(device, d, saved.x, gradients[up_]);
        matmul_input_gradient(device, d.rows(), weights[up_], dx.rows(), Store::add);
    }

private:
    Slot<2> up_;
    Slot<2> down_;
};
static_assert(Layer<ReluSquaredMlp>);

}  // namespace mine
