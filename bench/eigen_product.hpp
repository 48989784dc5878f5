#pragma once

#include <lapidary/cpu/device.hpp>

namespace bench {

/// A linear layer's products by Eigen: whole single-threaded products over ranges of the result's rows, shared out
/// over our threads (faster than Eigen's own threading). In a file of its own, for Eigen's best compiler flags.
void eigen_forward(lapidary::Cpu& device, lapidary::View<float, 2> x, lapidary::View<float, 2> w,
                   lapidary::View<float, 2> y);
void eigen_input_gradient(lapidary::Cpu& device, lapidary::View<float, 2> dy, lapidary::View<float, 2> w,
                          lapidary::View<float, 2> dx);
void eigen_weight_gradient(lapidary::Cpu& device, lapidary::View<float, 2> dy, lapidary::View<float, 2> x,
                           lapidary::View<float, 2> dw);

}  // namespace bench
