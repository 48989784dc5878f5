#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>

namespace lapidary {

/// The two forms of the Gaussian error linear unit in use. They differ by up to 4.7e-4, so a checkpoint says which
/// one it was made for.
enum class Gelu {
    erf,   ///< x Phi(x), Phi the normal distribution function
    tanh,  ///< x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
};

/// y[i] = gelu(x[i]); y may be x.
/// Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
template <Device D>
void gelu(D& device, ConstView<Scalar<D>, 1> x, Gelu form, View<Scalar<D>, 1> y) {
    detail::require_same("gelu", "x", x, "y", y);
    gelu_on(device, x, form, y);
}

/// The gradient of `gelu`: dx[i] = dy[i] gelu'(x[i]); dx may be dy.
template <Device D>
void gelu_gradient(D& device, ConstView<Scalar<D>, 1> x, Gelu form, ConstView<Scalar<D>, 1> dy,
                   View<Scalar<D>, 1> dx) {
    detail::require_same("gelu_gradient", "x", x, "dy", dy);
    detail::require_same("gelu_gradient", "x", x, "dx", dx);
    gelu_gradient_on(device, x, form, dy, dx);
}

}  // namespace lapidary
