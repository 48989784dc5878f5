#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/ops/check.hpp>
#include <lapidary/ops/heads.hpp>

#include <type_traits>

// `fill`, `copy` and `add` work on elements of the device and on accumulators.

namespace lapidary {

/// x[i] = value.
template <Device D, class T>
void fill(D& device, View<T, 1> x, double value) {
    fill_on(device, x, static_cast<T>(value));
}

/// y[i] = x[i]; y may be x.
template <Device D, class T>
void copy(D& device, std::type_identity_t<ConstView<T, 1>> x, View<T, 1> y) {
    detail::require_same("copy", "x", x, "y", y);
    copy_on(device, x, y);
}

/// Copies heads between buffers of any layout, as into a key-value cache. x, y: [B, T, H, D].
template <Device D>
void copy_heads(D& device, Heads<const Scalar<D>> x, Heads<Scalar<D>> y) {
    detail::require_shape(x.shape() == y.shape(), "copy_heads",
                          [&] { return "x is " + to_string(x.shape()) + ", y is " + to_string(y.shape()); });
    copy_heads_on(device, x, y);
}

/// out[i] = x[i] + y[i]; out may be x or y.
template <Device D, class T>
void add(D& device, std::type_identity_t<ConstView<T, 1>> x, std::type_identity_t<ConstView<T, 1>> y,
         View<T, 1> out) {
    detail::require_same("add", "x", x, "y", y);
    detail::require_same("add", "x", x, "out", out);
    add_on(device, x, y, out);
}

/// x[i] *= factor in place; the factor is rounded to the device's element type, the product once.
template <Device D>
void scale(D& device, View<Scalar<D>, 1> x, double factor) {
    scale_on(device, x, static_cast<Scalar<D>>(factor));
}

/// y[i] = x[i] in another element type (float, double, bf16), rounded once, to nearest even.
template <Device D, class From, class To>
void cast(D& device, View<From, 1> x, View<To, 1> y) {
    detail::require_same("cast", "x", x, "y", y);
    cast_on(device, View<const From, 1>(x), y);
}

}  // namespace lapidary
