#pragma once

#include <lapidary/core/parameters.hpp>
#include <lapidary/core/tensor.hpp>
#include <lapidary/nn/initialize.hpp>

#include <vector>

namespace lapidary {

/// Everything that training changes: flat vectors of one shape, and the number of steps done.
template <Device D>
struct TrainState {
    Tensor<Scalar<D>, 1, D> weights;
    Tensor<Scalar<D>, 1, D> gradients;
    Tensor<Scalar<D>, 1, D> m;  ///< AdamW's first moment
    Tensor<Scalar<D>, 1, D> v;  ///< AdamW's second moment
    Index step = 0;
    /// One more gradient per level of the tree over lanes; made when a step first needs them.
    std::vector<Tensor<Scalar<D>, 1, D>> lane_gradients;

    TrainState(D& device, const ParameterLayout& layout)
        : weights(device, {layout.size()}),
          gradients(device, {layout.size()}),
          m(device, {layout.size()}),
          v(device, {layout.size()}) {}
};

/// Draws the initial weights of a state.
template <Device D, class Model>
void initialize(D& device, const Model& model, TrainState<D>& state, InitializeOptions options) {
    initialize(device, model.layout(), state.weights.view(), options);
}

}  // namespace lapidary
