#pragma once

#include <lapidary/core/bf16.hpp>

namespace lapidary {

namespace detail {

template <class T>
struct WideOf {
    using type = T;
};
template <>
struct WideOf<bf16> {
    using type = float;
};

}  // namespace detail

/// The type in which sums over elements of `T` are formed and kept: `T` itself, but float for bf16.
template <class T>
using Wide = typename detail::WideOf<T>::type;

}  // namespace lapidary
