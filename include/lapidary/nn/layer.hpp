#pragma once

#include <lapidary/core/device.hpp>
#include <lapidary/core/parameters.hpp>

#include <concepts>
#include <string>

namespace lapidary {

namespace detail {

/// A device without operations: enough to ask whether a layer's functions can be called.
struct AnyDevice {
    using Scalar = float;
    Arena& scratch();
    void* allocate(std::size_t);
    void release(void*, std::size_t);
    void upload(const void*, void*, std::size_t);
    void download(const void*, void*, std::size_t);
};

}  // namespace detail

template <class L>
concept HasOptions = requires { typename L::Options; };

template <class L>
concept HasSaved = requires { typename L::template Saved<float>; };

template <class L>
concept RegistersParameters =
    std::constructible_from<L, ParameterLayout&, const std::string&, const typename L::Options&>;

template <class L, class D = detail::AnyDevice>
concept HasForward = requires(const L& layer, D& device, Weights<Scalar<D>> weights, ConstView<Scalar<D>, 3> x,
                              View<Scalar<D>, 3> y, typename L::template Saved<Scalar<D>>& saved) {
    layer.forward(device, weights, x, y, saved);
};

template <class L, class D = detail::AnyDevice>
concept HasBackward =
    requires(const L& layer, D& device, Weights<Scalar<D>> weights,
             const typename L::template Saved<Scalar<D>>& saved, ConstView<Scalar<D>, 3> dy, View<Scalar<D>, 3> dx,
             Gradients<Accumulator<D>> gradients) { layer.backward(device, weights, saved, dy, dx, gradients); };

/// A layer says what it computes and owns no memory: hyper-parameters and slots.
/// - `Options`: an aggregate of hyper-parameters;
/// - `L(layout, name, options)`: registers its slots under `name`;
/// - `Saved<T>`: a struct of views that `forward` fills for `backward`; its memory is the device's scratch;
/// - `forward(device, weights, x, y, saved)`: writes every element of y from x, both [B, T, C]. On entry y is not
///   initialised. `saved` may keep a view of x: whoever calls keeps x, unchanged, until `backward` is done;
/// - `backward(device, weights, saved, dy, dx, gradients)`: adds to dx and to the gradients, which hold numbers
///   on entry: zeros, or what other branches contributed. It may be called more than once.
/// Where a model's adapters alone are trained, `gradients.frozen()` holds: there is no place for gradients, and a
/// layer leaves products with them out, which `Linear` does, or lets small ones go nowhere (`gradient_of`).
/// A layer whose tokens see others of their sequence may keep packed documents apart: it then has a member
/// `DocumentStarts starts` in its `Saved`, which whoever calls sets before `forward` and which that leaves alone.
/// Neither keeps a view of weights or gradients: between the two passes they may be elsewhere, or not at hand at
/// all. x and y do not overlap, nor do dy and dx. `forward` allocates what it saves first and its temporaries
/// after, inside a `ScratchScope`. The constructor throws Error(value) for options that no layer can have.
template <class L>
concept Layer = HasOptions<L> && HasSaved<L> && RegistersParameters<L> && HasForward<L> && HasBackward<L>;

namespace detail {

/// What layers and blocks have in common.
template <class L>
consteval bool check_forward() {
    static_assert(HasOptions<L>, "a layer needs a nested aggregate `Options` with its hyper-parameters");
    static_assert(HasSaved<L>,
                  "a layer needs a nested template `Saved<T>`: the views that forward saves for backward");
    static_assert(RegistersParameters<L>,
                  "a layer needs a constructor (ParameterLayout&, const std::string& name, const Options&)");
    static_assert(HasForward<L>,
                  "a layer needs forward(device, weights, x, y, saved) const, with x and y of [B, T, C]");
    return true;
}

}  // namespace detail

/// States, in sentences, what keeps a type from being a layer. Combinators call it once per part.
template <class L>
consteval bool check_layer() {
    static_assert(detail::check_forward<L>());
    static_assert(HasBackward<L>,
                  "a layer needs backward(device, weights, saved, dy, dx, gradients) const, which adds to dx");
    return true;
}

}  // namespace lapidary
